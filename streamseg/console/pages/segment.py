"""Segment: who they are, what sets them apart, what they are worth, where they came from, and what to do."""

from collections import Counter
from typing import Any, Final

from streamseg.clustering.identity import segmentation_of
from streamseg.console.charts import specs
from streamseg.console.pages.overview import since_first, told
from streamseg.console.pages.segment_texts import day_seconds, entries_for, label_of, persona_of, segment_cell
from streamseg.console.pages.view import Cell, Page, Parameters, Reader, Table, View, number, percent
from streamseg.console.reads.facts import Facts
from streamseg.console.reads.kept import StillReadingError
from streamseg.errors import NotFoundError
from streamseg.language.segment_text import feature_name, rfm_name
from streamseg.service.segment_notes import LONGEST_NOTE

DAYS: Final = 28
MOST_DIFFERENCES: Final = 8


async def view(facts: Facts, reader: Reader, given: Parameters) -> View:
    """Return the page of a segment. Raises `NotFoundError`."""
    t, segment = reader.texts, given["segment"]
    entries = entries_for(await facts.catalogue(), reader)
    if segment not in entries:
        raise NotFoundError(segment)
    entry, history = entries[segment], await facts.history()
    changed = next((one for one in (await facts.changed(DAYS)).segments if one.id == segment), None)
    size = int(entry.get("size") or 0) if changed is None else changed.now
    ways = [
        (segment_cell(entries, other, reader), Cell(direction, t(f"segment.{direction}")), number(t, moves))
        for direction, counted in (("came", changed.gained), ("went", changed.lost))
        for other, moves in sorted(counted.items(), key=lambda item: -item[1])
    ] if changed is not None else []  # fmt: skip
    names = {one.id: str(one.definition["name"]) for one in (await facts.declared()).live}
    try:
        found, counting = [*(await facts.overlap()).rows], False
    except StillReadingError:
        found, counting = [], True
    overlaps = [
        (
            Cell(one.audience, names.get(one.audience, one.audience), f"/audiences/{one.audience}"),
            number(t, one.both),
            percent(t, one.share_of_segment),
            percent(t, one.share_of_audience),
            Cell(one.lift, t.number(one.lift, 2), numeric=True),
        )
        for one in found
        if one.segment == segment
    ]
    tables = {
        "moves": Table(t("segment.moves"), [t("table.segment"), t("table.way"), t("table.customers")], ways),
        "audiences": Table(
            t("segment.audiences"),
            [t("table.audience"), t("table.both"), t("table.of_segment"), t("table.of_audience"), t("table.lift")],
            overlaps,
        ),
    }
    tables["mix"] = await _mix(facts, segment, entries, reader)
    lineage = [one for one in await facts.lineage() if _concerns(one, segment)]
    return View(
        label_of(entries, segment, reader),
        {
            "id": segment,
            "entry": entry,
            "currency": (await facts.vocabulary()).currency,
            "counting": counting,
            "size": size,
            "note": (await facts.notes()).get(segment),
            "longest_note": LONGEST_NOTE,
            "changed": None if changed is None else changed.now - changed.then,
            "persona": persona_of(entry, reader),
            "nearest": segment_cell(entries, entry.get("nearest"), reader) if entry.get("nearest") else None,
            "rfm": _rfm(entry, reader),
            "lineage": [told(one, entries, reader) for one in lineage[::-1] if one["transition"] != "survive"][:6],
        },
        tables,
        _charts(entry, segment, history, reader),
        day_seconds(history[-1].day) if history else None,
    )


async def _mix(facts: Facts, segment: str, entries: dict[str, dict[str, Any]], reader: Reader) -> Table:
    """Return in which segments of the other segmentations its customers are: their status, phase and so on."""
    t = reader.texts
    try:
        mixed = [*await facts.mix(segment)]
    except StillReadingError:
        mixed = []
    known: Counter[str] = Counter()
    for other, count in mixed:
        known[segmentation_of(other)] += count
    rows = [
        (
            segment_cell(entries, other, reader),
            Cell(segmentation_of(other), segmentation_of(other)),
            number(t, count),
            percent(t, count / known[segmentation_of(other)]),
        )
        for other, count in mixed
    ]
    columns = [t(f"table.{one}") for one in ("segment", "segmentation", "customers", "share")]
    return Table(t("segment.mix"), columns, rows)


def _concerns(one: dict[str, Any], segment: str) -> bool:
    return segment == one["segment"] or segment in {other for other, _ in one["related"]}


def _rfm(entry: dict[str, Any], reader: Reader) -> list[tuple[str, str]]:
    """Return the most frequent RFM names with their shares."""
    found = entry.get("rfm") or {}
    mix = found.get("names") or {}
    listed = mix.items() if isinstance(mix, dict) else mix
    return [(rfm_name(str(name), reader.texts.language), reader.texts.percent(share)) for name, share in listed][:4]


def _charts(entry: dict[str, Any], segment: str, history: Any, reader: Reader) -> dict[str, Any]:
    t, charts, history = reader.texts, {}, since_first(history, [segment])
    if len(history) > 1:
        values = [
            {"day": one.day.isoformat(), "size": one.sizes.get(segment, 0), "name": str(entry["label"])}
            for one in history
        ]
        charts["size"] = specs.over_time(
            t("segment.over_time"), t("segment.over_time_of", count=len(history)), values, [str(entry["label"])],
            t("table.customers"),
        )  # fmt: skip
    differences = [
        {"name": feature_name(one["feature"], t.language), "effect": round(one["effect"], 2)}
        for one in entry.get("differences", ())[:MOST_DIFFERENCES]
    ]
    if differences:
        charts["apart"] = specs.apart(
            t("segment.apart"), t("segment.apart_of", count=int(entry.get("described") or 0)), differences,
            t("segment.effect", segmentation=segmentation_of(segment)),
        )  # fmt: skip
    return charts


PAGE: Final = Page("/segments/{segment}", "segment.html", "overview", view)
