"""Writes in one line what a segmentation without segments is waiting for."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from streamseg.clustering.snapshot import Snapshot
from streamseg.language import DEFAULT, messages
from streamseg.language.amounts import number


def missing(snapshot: Snapshot | None, needs: str = "", language: str = DEFAULT) -> str:
    """Return one line about what is missing until there are segments, and when they come.

    Args:
        snapshot: the latest; None if there is none yet.
        needs: what the segmentation lives on, in the language. It is named while data are missing: events of another
            kind do not end the wait.
        language: a code of `languages()`.
    """
    tables = messages(language)
    texts = tables["waiting"]
    if snapshot is None or snapshot.warm_up_ends_at is None or snapshot.learned_until is None:
        return _with_needs(texts, str(texts["nobody"]), needs)
    progress, late = snapshot.warm_up, snapshot.customers_needed_late
    if snapshot.customers_alike:
        return _with_needs(texts, str(texts["alike"]).format(count=number(tables, progress.customers)), needs)
    if snapshot.learned_until >= snapshot.warm_up_ends_at:
        lacking = _customers(tables, progress.customers, late)
        if not lacking:
            return str(texts["soon"])
        return _with_needs(texts, str(texts["come"]).format(what=lacking, end=""), needs)
    lacking = _customers(tables, progress.customers, progress.customers_needed)
    too_few_events = progress.median_events < progress.events_needed
    if too_few_events:
        events = {"needed": progress.events_needed, "count": number(tables, progress.median_events)}
        lacking = str(texts["both" if lacking else "events"]).format(customers=lacking, **events)
    if not lacking:
        return str(texts["soon"])
    day = datetime.fromtimestamp(snapshot.warm_up_ends_at, UTC).date().isoformat()
    end = ""
    if progress.customers >= late:
        end = str(texts["at_latest"]).format(day=day)
    elif late < progress.customers_needed:
        end = str(texts["later_with"]).format(day=day, needed=number(tables, late))
    elif too_few_events:
        end = str(texts["later_with_any"]).format(day=day)
    return _with_needs(texts, str(texts["come"]).format(what=lacking, end=end), needs)


def _with_needs(texts: Mapping[str, Any], line: str, needs: str) -> str:
    return str(texts["needs"]).format(line=line, needs=needs) if needs else line


def _customers(tables: Mapping[str, Mapping[str, Any]], sampled: int, needed: int) -> str:
    if sampled >= needed:
        return ""
    counts = {"needed": number(tables, needed), "count": number(tables, sampled)}
    return str(tables["waiting"]["customers"]).format(**counts)
