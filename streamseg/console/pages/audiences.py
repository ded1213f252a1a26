"""Audiences: the groups that people have in mind, how many customers of each reach its use, and each rule in words."""

from collections.abc import Mapping
from typing import Any, Final

from streamseg.audiences.definition import Audience
from streamseg.audiences.predicates import Predicate
from streamseg.console.charts import specs
from streamseg.console.pages.building.changes import changes_of
from streamseg.console.pages.building.likeness import lookalikes
from streamseg.console.pages.segment_texts import entries_for, label_of, segment_cell
from streamseg.console.pages.view import Cell, Page, Parameters, Reader, Table, View, number, percent
from streamseg.console.reads.facts import Counted, Facts
from streamseg.errors import NotFoundError
from streamseg.features.layout import Layout
from streamseg.language.rule_words import asked

STEPS: Final = ("matched", "known", "consented", "exported")


async def every(facts: Facts, reader: Reader, _: Parameters) -> View:
    """Return the list of audiences."""
    t, counted = reader.texts, await facts.counted()
    columns = [t("table.audience"), t("table.purpose"), *(t(f"table.{step}") for step in STEPS)]
    rows = [
        (
            Cell(one.id, str(one.definition["name"]), f"/audiences/{one.id}"),
            Cell(str(one.definition["purpose"]), t(f"purpose.{one.definition['purpose']}")),
            *(number(t, getattr(counted.counts[one.id], step)) for step in STEPS),
        )
        for one in counted.declared.live
        if one.id in counted.counts
    ]
    return View(
        t("audiences.title"), {}, {"audiences": Table(t("audiences.list"), columns, rows)}, {},
        counted.at,
    )  # fmt: skip


async def single(facts: Facts, reader: Reader, given: Parameters) -> View:
    """Return the page of one audience. Raises `NotFoundError`."""
    t, name = reader.texts, given["audience"]
    declared = (await facts.declared()).find(name)
    if declared is None:
        raise NotFoundError(name)
    counted, audience = await facts.counted(), Audience.model_validate(declared.definition)
    entries = entries_for(await facts.catalogue(), reader)
    shown: dict[str, Any] = {"audience": audience, "version": declared.version}
    shown |= {"changes": changes_of("audience", name, await facts.audience_changes(), t)}
    if counted.declared.find(name) != declared or name not in counted.counts:
        return View(audience.name, shown | {"counts": None, "clauses": None, "lookalikes": []})
    alike = lookalikes(counted.live, name, facts.layout, reader, entries)
    counts = counted.counts[name]
    steps = [
        {"name": t(f"table.{step}"), "value": getattr(counts, step), "text": t.number(getattr(counts, step))}
        for step in STEPS
    ]
    found = await facts.overlap()
    rows = [
        (
            segment_cell(entries, one.segment, reader),
            number(t, one.both),
            percent(t, one.share_of_audience),
            percent(t, one.share_of_segment),
            Cell(one.lift, t.number(one.lift, 2), numeric=True),
        )
        for one in found.rows
        if one.audience == name
    ]
    columns = [t("table.segment"), t("table.both"), t("table.of_audience"), t("table.of_segment"), t("table.lift")]
    return View(
        audience.name,
        {
            **shown,
            "lookalikes": alike.facts["reports"],
            "counts": counts,
            "clauses": _clauses(counted, name, facts.layout, reader, entries),
            "too_small": audience.purpose == "ads" and counts.matched < audience.minimum_size,
        },
        {"segments": Table(t("audiences.in_segments"), columns, rows), **alike.tables},
        {
            **alike.charts,
            "reach": specs.bars(
                t("audiences.reach"), t("audiences.reach_of", name=audience.name), steps, t("table.customers")
            ),
        },
        counted.at,
    )


def _clauses(
    counted: Counted, name: str, layout: Layout, reader: Reader, entries: Mapping[str, Mapping[str, Any]]
) -> list[list[dict[str, Any]]]:
    """Return the ways to belong: of each, what must be so and what must not."""
    labels = {one: label_of(entries, one, reader) for one in entries}

    def said(predicate: Predicate) -> str:
        return in_labels(asked(predicate, layout, reader.texts.language), labels)

    clauses = counted.live.rules.clauses(counted.live.ids.index(name))
    return [[{"asks": said(one.predicate), "wanted": one.holds} for one in clause] for clause in clauses]


def in_labels(text: str, labels: dict[str, str]) -> str:
    """Return a rule with the names of segments beside their ids."""
    for segment, label in labels.items():
        text = text.replace(segment, f"{label} ({segment})")
    return text


LIST: Final = Page("/audiences", "audiences.html", "audiences", every)
PAGE: Final = Page("/audiences/{audience}", "audience.html", "audiences", single)
