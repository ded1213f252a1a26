"""How well the look-alikes of an audience find members of whom nothing was learned."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamseg.clustering.likeness.models import LookalikeOf, Point
from streamseg.console.charts.curves import recall_curve
from streamseg.console.pages.segment_texts import Entries, label_of
from streamseg.console.pages.view import Cell, Reader, Table, View, percent
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Layout
from streamseg.language.segment_text import feature_name
from streamseg.pipeline import LiveAudiences
from streamseg.service.lookalike_reports import LookalikeReport, lookalike_reports

POINTS: Final = 60
"""Of a curve that is drawn."""


def lookalikes(live: LiveAudiences, audience: str, layout: Layout, reader: Reader, entries: Entries) -> View:
    """Return the reports of the look-alikes that an audience asks for, with a table and a chart of each."""
    t, tables, charts = reader.texts, dict[str, Table](), dict[str, Any]()
    reports = lookalike_reports(live, catalogue(layout)).get(audience, [])
    names = {one.id: str(one.definition["name"]) for one in live.declared.live}
    told = []
    for number, one in enumerate(reports):
        seed = names.get(one.seed) or label_of(entries, one.seed, reader)
        told.append({"report": one, "seed": seed, "number": number})
        if one.learned:
            tables |= {
                f"lookalike-{number}": _ways(one, seed, reader),
                f"carried-{number}": _carriers(one, seed, reader),
            }
            learned = live.published.find(LookalikeOf(one.seed, one.by))
            if learned is not None and learned.curve:
                share = one.size / one.others if one.others else 0.0
                ways = [t("likeness.way"), t("likeness.nearest"), t("likeness.random")]
                charts[f"recall-{number}"] = recall_curve(
                    t("likeness.curve", seed=seed), t("likeness.curve_of", count=one.held_out),
                    _values(learned.curve, ways), ways, axes=(t("likeness.share"), t("likeness.recall")), at=share,
                )  # fmt: skip
    return View("", {"reports": told}, tables, charts)


def _ways(one: LookalikeReport, seed: str, reader: Reader) -> Table:
    t = reader.texts
    ways = (
        ("way", one.recall, one.lift),
        ("nearest", one.recall_nearest, one.lift_nearest),
        ("random", one.recall_random, 1.0),
    )
    rows = [
        (Cell(name, t(f"likeness.{name}")), percent(t, recall), Cell(round(lift, 2), t.number(lift, 1), numeric=True))
        for name, recall, lift in ways
    ]
    return Table(t("likeness.table", seed=seed), [t("likeness.how"), t("likeness.recall"), t("table.lift")], rows)


def _carriers(one: LookalikeReport, seed: str, reader: Reader) -> Table:
    t = reader.texts
    rows = [
        (
            Cell(each.feature, feature_name(each.feature, t.language)),
            percent(t, each.part),
            Cell(each.seed, t.number(each.seed, 2), numeric=True),
            Cell(each.others, t.number(each.others, 2), numeric=True),
        )
        for each in one.carried_by
    ]
    columns = [t("likeness.feature"), t("likeness.part"), seed, t("likeness.others")]
    return Table(t("likeness.carried"), columns, rows)


def _values(curve: Sequence[Point], names: Sequence[str]) -> list[Mapping[str, Any]]:
    step = max(len(curve) // POINTS, 1)
    points = [*curve[::step], curve[-1]]
    return [
        {"share": round(one.share, 4), "recall": round(recall, 4), "name": name}
        for one in points
        for name, recall in zip(names, (one.recall, one.nearest, one.share), strict=True)
    ]
