"""Flows: who moved where between two days."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from streamseg.clustering.description.describe import pseudonym
from streamseg.console.charts.alluvial import Band, alluvial
from streamseg.console.pages.segment_texts import day_seconds, entries_for, label_of, segment_cell
from streamseg.console.pages.view import Cell, Page, Parameters, Reader, Table, View, number, utc
from streamseg.console.reads.facts import PERIODS, Facts
from streamseg.ports import Flow
from streamseg.service.day_counts import Between, between, date_of
from streamseg.service.movers import RecentMoves

DAYS: Final = 7
"""Days that are shown to who asks for none."""
MOVERS: Final = 50
"""Customers that are listed of one way."""
BANDS: Final = 40
"""Ways in the picture, the most frequent; the table has all."""


async def view(facts: Facts, reader: Reader, given: Parameters) -> View:
    """Return the moves of one segmentation between two days."""
    t, counts = reader.texts, await facts.day_counts()
    entries, today = entries_for(await facts.catalogue(), reader), await facts.today()
    segmentation = asked_segmentation(facts, given)
    first, last = _days(given, today)
    found = between(counts, segmentation, first, last)
    moved = sum(found.flows.values())
    asked = {"segmentation": segmentation, "first": first.isoformat(), "last": last.isoformat()}
    way = _way(given)
    ways = [
        (
            segment_cell(entries, source, reader),
            segment_cell(entries, target, reader),
            Cell(moves, t.number(moves), f"/flows?{urlencode(asked | _asks((source, target)))}#movers", numeric=True),
            number(t, found.flows.get((target, source), 0)),
            Cell(net := moves - found.flows.get((target, source), 0), t.signed(net), numeric=True),
        )
        for (source, target), moves in found.flows.items()
    ]
    columns = ["from", "to", "moves", "moves_back", "net"]
    sizes = [
        (
            segment_cell(entries, segment, reader),
            number(t, found.before.get(segment, 0)),
            number(t, found.after.get(segment, 0)),
            Cell(net := found.after.get(segment, 0) - found.before.get(segment, 0), t.signed(net), numeric=True),
        )
        for segment in sorted({*found.before, *found.after}, key=lambda one: (-found.after.get(one, 0), one))
    ]
    tables = {
        "ways": Table(t("flows.ways"), [t(f"table.{one}") for one in columns], ways),
        "sizes": Table(t("flows.sizes"), [t(f"table.{one}") for one in ("segment", "then", "after", "net")], sizes),
    }
    movers = None if way is None else await facts.moves()
    if way is not None and movers is not None:
        tables["movers"] = _movers(movers, way, first, last, reader)
    return View(
        t("flows.title"),
        {
            "segmentations": facts.segmentations,
            "segmentation": segmentation,
            "first": first.isoformat(),
            "last": last.isoformat(),
            "today": today.isoformat(),
            "earliest": date_of(min(counts.days, default=0)).isoformat() if counts.days else None,
            "periods": [(days, (today - timedelta(days - 1)).isoformat()) for days in PERIODS],
            "asked": asked if way is None else asked | _asks(way),
            "way": None if way is None else [label_of(entries, one, reader) for one in way],
            "movers_since": None if movers is None else movers.since,
            "answer": _answer(found, moved, entries, reader),
        },
        tables,
        {"flows": _chart(found, moved, entries, reader)} if found.flows else {},
        None,
    )


def _asks(way: Flow) -> dict[str, str]:
    """Return the parameters that ask for who moved on a way."""
    return {"left": way[0] or "", "entered": way[1] or ""}


def _way(given: Parameters) -> Flow | None:
    """Return the way whose customers are asked for."""
    way = (given.get("left") or None, given.get("entered") or None)
    return None if way == (None, None) else way


def _movers(found: RecentMoves, way: Flow, first: date, last: date, reader: Reader) -> Table:
    """Return who moved on a way, the last ones first, by pseudonyms unless the role may see ids."""
    t, identifies = reader.texts, reader.may("identify")
    moves = found.of(way, day_seconds(first), day_seconds(last + timedelta(1)))[:MOVERS]
    rows = []
    for one in moves:
        shown = one.customer_id if identifies else pseudonym(one.customer_id)
        link = f"/customers?{urlencode({'id': one.customer_id})}" if identifies else None
        rows.append((Cell(shown, shown, link), Cell(utc(one.at), utc(one.at), at=one.at)))
    return Table(t("flows.movers"), [t("table.customer"), t("table.moved_at")], rows)


def asked_segmentation(facts: Facts, given: Parameters) -> str:
    """Return the segmentation that is asked for, else the first one."""
    asked = given.get("segmentation", "")
    return asked if asked in facts.segmentations else facts.segmentations[0]


def _days(given: Parameters, today: date) -> tuple[date, date]:
    """Return the days that are asked for, in their order; what is no day is left out."""
    last = _day(given.get("last", ""), today)
    first = _day(given.get("first", ""), last - timedelta(DAYS - 1))
    return min(first, last), max(first, last)


def _day(text: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return otherwise


def _answer(found: Between, moved: int, entries: Mapping[str, Any], reader: Reader) -> str:
    t = reader.texts
    if not moved:
        return t("flows.nothing")
    (source, target), moves = next(iter(found.flows.items()))
    return t(
        "flows.most",
        count=moved,
        source=label_of(entries, source, reader),
        target=label_of(entries, target, reader),
        share=t.percent(moves / moved),
    )


def _chart(found: Between, moved: int, entries: Mapping[str, Any], reader: Reader) -> dict[str, Any]:
    t = reader.texts
    shown = list(found.flows.items())[:BANDS]
    names = _names({one for way, _ in shown for one in way}, entries, reader)
    bands = [
        Band(names[source], names[target], moves, f"{names[source]} → {names[target]}: {t.number(moves)}")
        for (source, target), moves in shown
    ]
    told = {"count": moved, "first": found.first.isoformat(), "last": found.last.isoformat()}
    rest = moved - sum(one.moves for one in bands)
    subtitle = t("flows.picture_of", **told) + (f" {t('flows.rest', count=rest)}" if rest else "")
    return alluvial(t("flows.picture"), subtitle, bands, (t("table.from"), t("table.to")))


def _names(segments: set[str | None], entries: Mapping[str, Any], reader: Reader) -> dict[str | None, str]:
    """Return a name for each segment, with its id where two have the same."""
    names = {one: label_of(entries, one, reader) for one in segments}
    often = Counter(names.values())
    return {one: name if often[name] == 1 else f"{name} ({one})" for one, name in names.items()}


PAGE: Final = Page("/flows", "flows.html", "flows", view)
