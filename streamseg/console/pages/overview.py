"""Overview: is all well, how many customers, which segments, and what moves."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from streamseg.clustering.identity import segmentation_of
from streamseg.clustering.snapshot import Snapshot
from streamseg.console.charts import specs
from streamseg.console.pages.segment_texts import day_seconds, entries_for, is_segment, label_of, segment_cell
from streamseg.console.pages.view import Cell, Page, Parameters, Reader, Table, View, number, percent
from streamseg.console.reads.facts import LINEAGE, PERIODS, Facts
from streamseg.console.reads.kept import StillReadingError
from streamseg.service.changes import Changes, SegmentChange, SizesOfDay
from streamseg.service.status import Status
from streamseg.service.status_judgement import Problem
from streamseg.service.volatility import volatility_of

LINES: Final = 8
"""Segments in the chart: more lines cannot be told apart."""


async def view(facts: Facts, reader: Reader, _: Parameters) -> View:
    """Return the overview."""
    t = reader.texts
    asked = (facts.status(), facts.catalogue(), facts.day_counts(), facts.lineage(), facts.moves())
    await asyncio.gather(*asked, return_exceptions=True)  # the page waits for the slowest, and not for their sum
    try:
        status, problems = await facts.status()
    except StillReadingError:
        status, problems = None, ()
    entries = entries_for(await facts.catalogue(), reader)
    periods = {days: await facts.changed(days) for days in PERIODS}
    week = periods[7]
    sizes = {one.id: one for one in week.segments if is_segment(one.id, entries) and (one.now or one.then)}
    by_segmentation: dict[str, int] = {}
    for one in sizes.values():
        by_segmentation[one.segmentation] = by_segmentation.get(one.segmentation, 0) + one.now
    history = await facts.history()
    as_of = day_seconds(history[-1].day) if history else None
    segments = sorted(sizes.values(), key=lambda one: (one.segmentation, -one.now))
    rows = [
        (
            replace(segment_cell(entries, one.id, reader), hint=one.segmentation if len(by_segmentation) > 1 else ""),
            number(t, one.now),
            percent(t, one.now / by_segmentation[one.segmentation] if by_segmentation[one.segmentation] else None),
            percent(t, entries[one.id].get("value_share")),
            *(_net(periods[days], one.id, reader) for days in PERIODS),
        )
        for one in segments
    ]
    columns = [t("table.segment"), t("table.customers"), t("table.share"), t("table.value_share")]
    columns += [t(f"table.net_{days}") for days in PERIODS]
    shown = [one.id for one in segments if one.segmentation == segments[0].segmentation][:LINES]
    days = since_first(history, shown)
    values = [
        {"day": one.day.isoformat(), "size": one.sizes.get(segment, 0), "name": label_of(entries, segment, reader)}
        for one in days
        for segment in shown
    ]
    title = t("overview.sizes")
    subtitle = t("overview.sizes_of", count=by_segmentation.get(segments[0].segmentation, 0) if segments else 0)
    chart = specs.over_time(
        title, subtitle, values, [label_of(entries, one, reader) for one in shown], t("table.customers")
    )
    hour = await facts.changed_in_hour()
    lineage, today = await facts.lineage(), await facts.today()
    return View(
        t("overview.title"),
        {
            "health": None if status is None else health(status, problems, reader),
            "figures": {
                "customers": max(by_segmentation.values(), default=0),
                "segments": len(segments),
                "moved": _moved(periods[1], sizes),
                "events": None if status is None else status.events_in_hour,
            },
            "volatility": await _volatility(facts, [*by_segmentation], reader),
            "hour": None if hour is None else {"since": hour.since, "found": _movers(hour.segments, entries, reader)},
            "movers": {days: _movers(periods[days].segments, entries, reader) for days in PERIODS},
            "since": {days: (today - timedelta(days - 1)).isoformat() for days in PERIODS},
            "today": today.isoformat(),
            "lineage": [
                told(one, entries, reader) for one in lineage[-LINEAGE:][::-1] if one["transition"] != "survive"
            ][:8],
            "waiting": [] if segments else [_waits(name, one) for name, one in (await facts.waiting()).items()],
            "has_history": len(days) > 1,
        },
        {"segments": Table(t("overview.segments"), columns, rows)},
        {"sizes": chart} if len(days) > 1 else {},
        as_of,
    )


def health(status: Status, problems: Sequence[Problem], reader: Reader) -> dict[str, Any]:
    """Return one line that says whether all is right, and a line for each thing that is not."""
    t = reader.texts
    wrong = [{"what": t("health.away"), "detail": one} for one in status.away]
    wrong += [{"what": t(f"health.{one.kind}"), "detail": one.text} for one in problems]
    if status.stored is not None and not status.stored.reports:
        wrong += [{"what": t("health.members"), "detail": ""}] if not wrong else []
    return {"right": not wrong, "wrong": wrong, "at": status.at, "freshness": status.freshness_seconds}


def since_first(history: Sequence[SizesOfDay], segments: Sequence[str]) -> Sequence[SizesOfDay]:
    """Return the days from the first on that has a customer in one of the segments."""
    first = next((at for at, one in enumerate(history) if any(map(one.sizes.get, segments))), len(history))
    return history[first:]


async def _volatility(facts: Facts, segmentations: Sequence[str], reader: Reader) -> list[tuple[str, str, str]]:
    """Return of each segmentation the share of customers who changed segment today, and what is usual, in words."""
    t, today = reader.texts, await facts.today()
    counts, history = await facts.day_counts(), await facts.history()
    told = []
    for name in segmentations:
        one = volatility_of(counts, history, name, today)
        usual = t("overview.volatility_young")
        if one.usual is not None:
            low, high = (t.percent(share, 1) for share in one.usual)
            usual = t("overview.volatility_usual", low=low, high=high)
        told.append((name, t.percent(one.now, 1), usual))
    return told


def _net(changes: Changes, segment: str, reader: Reader) -> Cell:
    one = next((one for one in changes.segments if one.id == segment), None)
    moved = 0 if one is None else one.now - one.then
    return Cell(moved, reader.texts.signed(moved), numeric=True)


def _moved(changes: Changes, sizes: dict[str, Any]) -> int:
    return sum(sum(one.gained.values()) for one in changes.segments if one.id in sizes)


def _movers(
    segments: Sequence[SegmentChange], entries: dict[str, dict[str, Any]], reader: Reader
) -> list[dict[str, Any]]:
    """Return the segments whose size changed most, with where most came from or went to."""
    t = reader.texts
    changed = [one for one in segments if is_segment(one.id, entries) and one.now != one.then]
    found = []
    for one in sorted(changed, key=lambda one: -abs(one.now - one.then))[:3]:
        net = one.now - one.then
        ways = {other: moves for other, moves in (one.gained if net > 0 else one.lost).items() if other != one.id}
        other, moves = max(ways.items(), key=lambda item: item[1], default=(None, 0))
        why = "overview.mostly_from" if net > 0 else "overview.mostly_to"
        found.append(
            {
                "segment": segment_cell(entries, one.id, reader),
                "segmentation": one.segmentation,
                "net": net,
                "text": t.signed(net),
                "why": t(why, count=moves, other=label_of(entries, other, reader)) if moves else "",
            }
        )
    return found


def told(one: dict[str, Any], entries: dict[str, dict[str, Any]], reader: Reader) -> dict[str, Any]:
    """Return when something became of a segment, and what, in words."""
    related = [label_of(entries, segment, reader) for segment, _ in one["related"] if segment != one["segment"]]
    key = f"lineage.{one['transition']}" + ("_of" if related else "")
    said = reader.texts(key, segment=label_of(entries, one["segment"], reader), others=", ".join(related))
    return {"at": one["at"], "text": said, "segmentation": segmentation_of(one["segment"])}


def _waits(name: str, snapshot: Snapshot | None) -> dict[str, Any]:
    warm_up = None if snapshot is None else snapshot.warm_up
    seen = 0 if warm_up is None else warm_up.customers
    return {"segmentation": name, "customers": seen, "needed": 0 if warm_up is None else warm_up.customers_needed}


PAGE: Final = Page("/", "overview.html", "overview", view)
