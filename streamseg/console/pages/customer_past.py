"""The timeline of a customer in the reader's words: each change of membership, and the events before it."""

from collections.abc import Mapping
from typing import Any

from streamseg.console.pages.segment_texts import Entries, segment_cell
from streamseg.console.pages.view import Cell, Reader
from streamseg.console.reads.facts import Facts
from streamseg.service.timeline import PastChange, PastEvent


def past(facts: Facts, reader: Reader, customer: str, entries: Entries, names: Mapping[str, str]) -> dict[str, Any]:
    """Return the timeline: `state` is "reading", "away" or "read".

    Args:
        facts: what is read.
        reader: for whom.
        customer: the id.
        entries: the catalogue in the reader's language.
        names: of audiences, by id.
    """
    found = facts.timeline(customer)
    if found is None or found == "away":
        return {"state": found or "reading"}
    return {
        "state": "read",
        "changes": [_change(one, reader, entries, names) for one in found.changes],
        "later": [_event(one, reader) for one in found.later],
        "changes_reach": found.changes_reach,
        "events_reach": found.events_reach,
    }


def _change(one: PastChange, reader: Reader, entries: Entries, names: Mapping[str, str]) -> dict[str, Any]:
    told = [(each.change, segment_cell(entries, each.segment, reader)) for each in one.record.changes]
    told += [
        (each.change, Cell(each.audience, names.get(each.audience, each.audience), f"/audiences/{each.audience}"))
        for each in one.record.audience_changes
    ]
    return {"at": one.at, "told": told, "events": [_event(event, reader) for event in one.events]}


def _event(one: PastEvent, reader: Reader) -> dict[str, Any]:
    t = reader.texts
    named = one.name if one.kind == "click" or one.name == "refund" else None
    told = [named or t(f"event.{one.kind}")]
    if one.category:
        told.append(one.category)
    if one.kind == "purchase" and one.value is not None:
        told.append(f"{t.number(one.value, 2)} {one.currency or ''}".strip())
    return {"at": one.at, "text": " · ".join(told)}
