"""Explain why a customer is in an audience or segment or not: what its rule asks, which of it holds, and until when."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from streamseg.audiences.normal_form import Clause
from streamseg.audiences.predicates import Among, Compared, Happened, InGroup, Known, OnList, Predicate, Spent
from streamseg.audiences.questions import Asked, all_questions
from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.clustering.population import OF_ROWS
from streamseg.features.layout import Layout
from streamseg.features.relayout import with_readable
from streamseg.features.rows import Rows, Slots
from streamseg.features.times.local_time import local_time
from streamseg.features.vector import observed
from streamseg.features.windows.latest_times import tracked_places
from streamseg.language import DEFAULT
from streamseg.language.rule_words import asked
from streamseg.pipeline import LiveAudiences, belonged
from streamseg.ports import StateStore
from streamseg.service.audience_rows import clock_of
from streamseg.topics import CLICKS

STEPS: Final = 200
"""Ends of windows that are tried to find when a customer enters or leaves."""


async def read_reasons(
    state: StateStore,
    layout: Layout,
    live: LiveAudiences,
    customer_id: str,
    partition_of: Callable[[str, int], int],
    *,
    event_clock: bool,
    language: str = DEFAULT,
) -> dict[str, dict[str, Any]]:
    """Return why a customer is in each audience or not, see `audience_reasons`; empty for an unknown customer."""
    metadata = await state.metadata(0)
    if not live.ids or metadata is None or CLICKS not in metadata.topics:
        return {}
    partition = partition_of(customer_id, metadata.topics[CLICKS][1])
    (row,) = await state.load(partition, [customer_id])
    now = await clock_of(state, partition) if event_clock else time.time()
    readable = with_readable(layout, await state.layouts())
    return {} if row is None else audience_reasons(readable, customer_id, row, live, now, language=language)


def audience_reasons(
    layout: Layout, customer_id: str, row: bytes, live: LiveAudiences, now: float, *, language: str = DEFAULT
) -> dict[str, dict[str, Any]]:
    """Return for each audience whether the customer is a member, since when, until when, and what its rule asks.

    `clauses` are the ways to belong: all that one of them asks must hold. Each asks something (`asks`) that must be so,
    or not be so (`wanted` false). `is` says whether it is so: true, false, or null where it is not known. `value` is
    what is compared, null where it is not known: a figure, how often something happened (of the times that rows keep),
    an amount, a value or a segment. `until` says when the answer, or the membership, changes if no event comes, epoch
    seconds; null if it does not. Figures that fade may change one between the ends of windows: then it is known
    at the next end. `ends` is the end of a list, epoch seconds, null for none.

    Args:
        layout: layout of the row.
        customer_id: whose row it is.
        row: the stored row.
        live: the audiences.
        now: moment that is explained, epoch seconds.
        language: of `asks`.
    """
    rows = Rows(layout, 1)
    slots = rows.load([customer_id], [row])
    at = np.maximum(rows.last_seen[slots], now)
    members = belonged(rows, slots, live)[1][:, : len(live.ids)]
    one = Asked(rows, slots, at, members)
    told = _answers(one, layout, live, language)
    until, explained = _until(one, live), {}
    for column, audience in enumerate(live.ids):
        clauses = _clauses(live.rules.clauses(column), told)
        since = int(rows.entered[slots[0], live.columns[column]]) if members[0, column] else None
        explained[audience] = {
            "member": bool(members[0, column]),
            "since": since,
            "until": until.get(audience),
            "clauses": clauses,
        }
    return explained


def segment_reasons(
    rows: Rows, slots: Slots, now: float, live: LiveAudiences, language: str = DEFAULT
) -> dict[str, list[dict[str, Any]]]:
    """Return for each declared segmentation what its rules ask of one row, in their order.

    `segment` is the id that the rule gives, `clauses` are as in `audience_reasons`.
    """
    at = np.maximum(rows.last_seen[slots], now)
    one = Asked(rows, slots, at, belonged(rows, slots, live)[1][:, : len(live.ids)])
    told = _answers(one, rows.layout, live, language)
    return {
        ordered.segmentation: [
            {"segment": id_of(ordered.segmentation, code), "clauses": _clauses(rule, told)}
            for code, rule in zip(ordered.codes, ordered.rules, strict=True)
        ]
        for ordered in live.rules.segmentations
    }


def _clauses(clauses: Sequence[Clause], told: Mapping[Predicate, dict[str, Any]]) -> list[list[dict[str, Any]]]:
    return [[{"wanted": literal.holds} | told[literal.predicate] for literal in clause] for clause in clauses]


def _answers(one: Asked, layout: Layout, live: LiveAudiences, language: str) -> dict[Predicate, dict[str, Any]]:
    """Return what is so of each predicate that rules ask of one row."""
    return {predicate: _told(predicate, one, layout, live, language) for predicate in live.rules.predicates}


def _told(predicate: Predicate, one: Asked, layout: Layout, live: LiveAudiences, language: str) -> dict[str, Any]:
    (questions,) = all_questions(layout, live.ids, [predicate], live.rules.lists, live.rules.likeness)
    answer = questions.answer(one)
    yes, known = bool(answer.yes[0, 0]), bool(answer.yes[0, 0] or answer.no[0, 0])
    told: dict[str, Any] = {
        "asks": asked(predicate, layout, language),
        "is": yes if known else None,
        "value": _value(predicate, one, layout),
        "until": None if answer.until is None else _moment(float(answer.until[0])),
    }
    if isinstance(predicate, OnList):
        uploaded = live.declared.find_list(predicate.list)
        told["ends"] = None if uploaded is None else uploaded.ends
    return told


def _until(one: Asked, live: LiveAudiences) -> dict[str, int]:
    """Return when the customer enters or leaves audiences if no event comes, for those where that is so."""
    members, at, found = one.members.copy(), one.at, dict[str, int]()
    for _ in range(STEPS):
        until = live.rules.decide(one.rows, one.slots, at, members).until
        ends = live.ends[live.ends > at[0]]
        following = np.ceil(min(float(until[0]), ends.min(initial=math.inf)))
        if following == math.inf or following <= at[0]:
            break
        at = np.array([following])
        holds = live.rules.decide(one.rows, one.slots, at, members).members & (at[:, None] < live.ends)
        holds = np.where(live.frozen, members, holds)
        for column in np.flatnonzero(holds[0] != members[0]).tolist():
            found.setdefault(live.ids[column], int(following))
        members = holds
        if len(found) == len(live.ids):
            break
    return found


def _value(predicate: Predicate, one: Asked, layout: Layout) -> Any:
    rows, slot = one.rows, int(one.slots[0])
    match predicate:
        case Compared(figure) | Known(figure):
            kept = figure in OF_ROWS
            value = float(rows.slab[figure][slot] if kept else observed(rows, one.slots, one.at, [figure])[0, 0])
            return None if math.isnan(value) else round(value, 4)
        case Among(attribute):
            listed = next(each for each in layout.attributes if each.name == attribute)
            code = float(rows.attributes[slot, layout.attributes.index(listed)])
            return None if math.isnan(code) else str(listed.values[int(code)])
        case InGroup(segmentation):
            code = int(rows.segment[slot, layout.segmentations.index(segmentation)])
            return None if code == UNASSIGNED else id_of(segmentation, code)
        case Happened(event, _, seconds):
            return _times(event, seconds, one, layout)
        case Spent(_, days):
            return _spent(days, one, layout)
        case _:
            return None


def _times(event: str, seconds: float, one: Asked, layout: Layout) -> int | None:
    """Return how often an event happened in the window, of the times that the row keeps; None without a tracker."""
    places: Mapping[str, tuple[int, int]] = tracked_places(layout)
    if event not in places:
        return None
    start, end = places[event]
    times = one.rows.tracked_times[int(one.slots[0]), start:end]
    return int((times > max(float(one.at[0]) - seconds, 0.0)).sum())


def _spent(days: int, one: Asked, layout: Layout) -> float:
    rows, slot = one.rows, int(one.slots[0])
    today = int(local_time(layout.time_zone).day_and_hour(one.at)[0][0])
    reach = max(days - (today - int(rows.spent_day[slot, 0])), 0)
    spent: Sequence[int] = rows.spent[slot, :reach].tolist()
    return float(round(sum(spent) / 10.0**layout.minor_units, layout.minor_units))


def _moment(until: float) -> int | None:
    return None if math.isinf(until) else math.ceil(until)
