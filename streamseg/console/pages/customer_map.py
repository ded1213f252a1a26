"""Map: the sampled customers in two dimensions, near to whom they are alike, with their segments."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from streamseg.clustering.customer_map import CustomerMap
from streamseg.console.charts import customer_chart
from streamseg.console.pages.segment_texts import entries_for, label_of, persona_of, segment_cell
from streamseg.console.pages.view import Cell, Page, Parameters, Reader, Table, View, number, percent
from streamseg.console.reads.facts import Facts
from streamseg.features.catalogue import catalogue
from streamseg.language.segment_text import feature_name

SENTENCES: Final = 3
"""Of the persona, told where the pointer is."""
NAMED: Final = 2
"""Features by which an axis is named."""
TABLED: Final = 6
"""Features of an axis in the table."""


async def view(facts: Facts, reader: Reader, given: Parameters) -> View:
    """Return the map of one segmentation that is learned."""
    t, learning = reader.texts, facts.learning
    segmentation = learning.chosen(given.get("segmentation"))
    if segmentation is None:
        return View(t("map.title"), {"learned": (), "drawn": False})
    drawn = await learning.customer_map(segmentation)
    shown = {"learned": learning.segments_wanted, "segmentation": segmentation, "asked": {"segmentation": segmentation}}
    if drawn is None:
        return View(t("map.title"), shown | {"drawn": False})
    entries = entries_for(await facts.catalogue(), reader)
    personas = [" ".join(persona_of(entries.get(one, {}), reader)[:SENTENCES]) for one in drawn.segments]
    tables = {
        "places": _places(drawn, entries, personas, reader),
        "axes": _axes(drawn, facts, reader),
    }
    chart = _chart(drawn, entries, personas, facts, reader)
    return View(t("map.title"), shown | {"drawn": True}, tables, {"map": chart}, drawn.at)


def _places(drawn: CustomerMap, entries: Mapping[str, Any], personas: list[str], reader: Reader) -> Table:
    t, counts = reader.texts, np.bincount(drawn.nearest, minlength=len(drawn.segments))
    rows = [
        (
            segment_cell(entries, segment, reader),
            number(t, int(counts[place])),
            *(Cell(value, t.number(value, 1), numeric=True) for value in drawn.centres[place]),
            Cell(personas[place], personas[place] or "\u2013"),
        )
        for place, segment in enumerate(drawn.segments)
    ]
    columns = [t(f"table.{one}") for one in ("segment", "on_the_map", "to_the_right", "upwards", "persona")]
    return Table(t("map.places"), columns, rows)


def _weights(drawn: CustomerMap, axis: int, facts: Facts) -> list[tuple[str, float]]:
    """Return the features that people can be told, with their weights in an axis, the greatest first."""
    known = catalogue(facts.layout)
    told = [
        (name, weight)
        for name, weight in zip(drawn.features, drawn.axes[axis], strict=True)
        if name in known and not known[name].hashed
    ]
    return sorted(told, key=lambda one: -abs(one[1]))


def _axes(drawn: CustomerMap, facts: Facts, reader: Reader) -> Table:
    t = reader.texts
    rows = [
        (
            Cell(way, t(f"table.{way}")),
            percent(t, drawn.spread[axis]),
            Cell(name, feature_name(name, t.language)),
            Cell(weight, t.number(weight, 2), numeric=True),
        )
        for axis, way in enumerate(("to_the_right", "upwards"))
        for name, weight in _weights(drawn, axis, facts)[:TABLED]
    ]
    return Table(t("map.axes"), [t(f"table.{one}") for one in ("axis", "spread", "feature", "weight")], rows)


def _chart(
    drawn: CustomerMap, entries: Mapping[str, Any], personas: list[str], facts: Facts, reader: Reader
) -> dict[str, Any]:
    t, names = reader.texts, [label_of(entries, one, reader) for one in drawn.segments]
    told = [f"{name}. {persona}" for name, persona in zip(names, personas, strict=True)]
    points = [
        {"x": x, "y": y, "segment": names[near], "text": told[near]}
        for (x, y), near in zip(drawn.points, drawn.nearest, strict=True)
    ]
    centres = [
        {"x": x, "y": y, "segment": name, "text": text}
        for (x, y), name, text in zip(drawn.centres, names, told, strict=True)
    ]
    axes = [_axis(drawn, axis, way, facts, reader) for axis, way in enumerate(("right", "up"))]
    subtitle = t("map.picture_of", count=len(points), share=t.percent(sum(drawn.spread)))
    return customer_chart.customer_map(t("map.picture"), subtitle, points, centres, (axes[0], axes[1]))


def _axis(drawn: CustomerMap, axis: int, way: str, facts: Facts, reader: Reader) -> str:
    """Return what an axis is about, in the direction in which it grows."""
    t = reader.texts
    more = [
        t("map.more" if weight > 0 else "map.less", feature=feature_name(name, t.language))
        for name, weight in _weights(drawn, axis, facts)[:NAMED]
    ]
    return t(f"map.{way}", features=", ".join(more))


PAGE: Final = Page("/map", "customer_map.html", "map", view)
