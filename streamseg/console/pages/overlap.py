"""Overlap: the groups that people have in mind against the groups that are found."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamseg.console.charts import specs
from streamseg.console.charts.upset import Together, upset
from streamseg.console.pages.segment_texts import entries_for, label_of, segment_cell
from streamseg.console.pages.view import Cell, Page, Parameters, Reader, Table, View, number, percent
from streamseg.console.reads.facts import Facts

COMBINATIONS: Final = 12
"""Of audiences that are drawn; the table has all."""
DARK_FROM: Final = 0.55
"""Share of the greatest lift from which a field is so dark that its text is white."""


async def view(facts: Facts, reader: Reader, _: Parameters) -> View:
    """Return every audience against every segment."""
    t, found = reader.texts, await facts.overlap()
    entries, counted = entries_for(await facts.catalogue(), reader), await facts.counted()
    names = {one.id: str(one.definition["name"]) for one in counted.declared.live}
    rows = [
        (
            Cell(one.audience, names.get(one.audience, one.audience), f"/audiences/{one.audience}"),
            segment_cell(entries, one.segment, reader),
            number(t, one.both),
            percent(t, one.share_of_audience),
            percent(t, one.share_of_segment),
            Cell(one.lift, t.number(one.lift, 2), numeric=True),
            number(t, one.missed),
            number(t, one.wasted),
            percent(t, one.response),
        )
        for one in sorted(found.rows, key=lambda one: (one.audience, one.segmentation, -one.lift))
    ]
    most = max((one.lift for one in found.rows), default=0.0)
    values = [
        {
            "audience": names.get(one.audience, one.audience),
            "segment": label_of(entries, one.segment, reader),
            "lift": one.lift,
            "text": t.number(one.lift, 1),
            "dark": one.lift > DARK_FROM * most,
        }
        for one in found.rows
    ]
    losses = [
        (
            Cell(one.audience, names.get(one.audience, one.audience), f"/audiences/{one.audience}"),
            Cell(one.segmentation, one.segmentation),
            number(t, one.members),
            number(t, one.missed),
            number(t, one.wasted),
            percent(t, one.wasted / one.members if one.members else None),
        )
        for one in sorted(found.audiences, key=lambda one: (one.segmentation, -one.missed - one.wasted))
        if one.members
    ]
    lost = ["audience", "segmentation", "members", "missed", "wasted", "wasted_share"]
    columns = ["audience", "segment", "both", "of_audience", "of_segment", "lift", "missed", "wasted", "response"]
    best = max(found.rows, key=lambda one: (one.lift, one.both), default=None)
    said = None if best is None else t(
        "overlap.best", audience=names.get(best.audience, best.audience),
        segment=label_of(entries, best.segment, reader), lift=t.number(best.lift, 1),
    )  # fmt: skip
    chart = specs.heat(t("overlap.heat"), t("overlap.heat_of", count=found.customers), values, t("table.lift"))
    exactly = sorted((await facts.together()).items(), key=lambda one: (-one[1], one[0]))
    return View(
        t("overlap.title"),
        {"best": said, "customers": found.customers, "nothing": not rows},
        {
            "together": Table(
                t("overlap.together"),
                [t("nav.audiences"), t("table.customers"), t("table.share")],
                [
                    (
                        Cell(", ".join(ids), " + ".join(names.get(one, one) for one in ids)),
                        number(t, count),
                        percent(t, count / found.customers if found.customers else None, 1),
                    )
                    for ids, count in exactly
                ],
            ),
            "losses": Table(t("overlap.losses"), [t(f"table.{one}") for one in lost], losses),
            "overlap": Table(t("overlap.table"), [t(f"table.{one}") for one in columns], rows),
        },
        {"heat": chart, "together": _together(exactly, names, found.customers, reader)} if rows else {},
        float(found.as_of) or None,
    )


def _together(
    exactly: Sequence[tuple[tuple[str, ...], int]], names: Mapping[str, str], customers: int, reader: Reader
) -> Mapping[str, Any]:
    """Return the picture of the most frequent combinations of audiences."""
    t, shown = reader.texts, exactly[:COMBINATIONS]
    sets = list(dict.fromkeys(one for ids, _ in shown for one in ids))
    found = [Together(tuple(sets.index(one) for one in ids), count, t.number(count)) for ids, count in shown]
    subtitle = t("overlap.together_of", count=customers, shown=len(shown), all=len(exactly))
    return upset(t("overlap.together"), subtitle, [names.get(one, one) for one in sets], found)


PAGE: Final = Page("/overlap", "overlap.html", "overlap", view)
