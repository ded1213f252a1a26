"""Builder: write an audience from groups and conditions, see whom it reaches while writing, and activate it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.exceptions import HTTPException

from streamseg.audiences.definition import MINIMUM_SIZE, PURPOSES
from streamseg.console.pages.audiences import in_labels
from streamseg.console.pages.building.choices import choices
from streamseg.console.pages.building.drafts import EMPTY, WrongPart, as_text
from streamseg.console.pages.segment_texts import entries_for, label_of, segment_cell
from streamseg.console.pages.view import Page, Parameters, Reader, Table, View, number, percent
from streamseg.console.reads.facts import Facts
from streamseg.errors import NotFoundError
from streamseg.service.audiences import Preview


@dataclass(frozen=True, slots=True)
class Draft:
    """What the builder shows: the values, the text, what is wrong, and which audience it changes if any."""

    values: Mapping[str, Any] | None
    """None where the text cannot be read."""
    text: str
    changes: str = ""
    """Id of the audience that is changed; empty for a new one."""
    version: int = 0
    """Of that audience, as it was opened."""
    wrong: Sequence[WrongPart] = ()
    preview: Preview | None = None


async def view(facts: Facts, reader: Reader, given: Parameters) -> View:
    """Return the builder with nothing, with an audience to change, or with a copy of one. Raises `NotFoundError`."""
    changes, copied = given.get("change", ""), given.get("copy", "")
    values, version = dict(EMPTY), 0
    if changes or copied:
        found = (await facts.declared()).find(changes or copied)
        if found is None:
            raise NotFoundError(changes or copied)
        values = dict(found.definition)
        version = found.version if changes else 0
        if copied:
            values |= {"id": "", "name": reader.texts("builder.copy_of", name=str(values["name"]))[:100]}
    return await drawn(facts, reader, Draft(values, as_text(values), changes, version))


async def drawn(facts: Facts, reader: Reader, draft: Draft) -> View:
    """Return the page of a draft. Raises `HTTPException` 403 for who may not change anything."""
    if not reader.may("change"):
        raise HTTPException(403)
    t = reader.texts
    entries = entries_for(await facts.catalogue(), reader)
    there = [(one.id, str(one.definition["name"])) for one in (await facts.declared()).live]
    offered = choices(await facts.vocabulary(), entries, (one for one in there if one[0] != draft.changes), reader)
    title = t("builder.change", name=draft.changes) if draft.changes else t("builder.new")
    shown = None if draft.preview is None else await previewed(facts, reader, draft.preview)
    return View(
        title,
        {
            "draft": draft,
            "wrong": [{"path": list(one.path), "line": one.line, "text": one.text} for one in draft.wrong],
            "choices": offered,
            "words": t.table("builder"),
            "ids": [one for one, _ in there],
            "purposes": PURPOSES,
            "smallest": MINIMUM_SIZE,
            "preview": None if shown is None else shown.facts,
        },
        {} if shown is None else shown.tables,
    )


async def previewed(facts: Facts, reader: Reader, preview: Preview) -> View:
    """Return what a preview has found: size, overlap with the segments, and examples with their reasons."""
    t, entries = reader.texts, entries_for(await facts.catalogue(), reader)
    sizes = {one.id: one.now for one in (await facts.changed(1)).segments}
    labels = {one: label_of(entries, one, reader) for one in entries}
    rows = [
        (
            segment_cell(entries, segment, reader),
            number(t, both),
            percent(t, both / preview.matched),
            percent(t, min(both / sizes[segment], 1.0) if sizes.get(segment) else None),
        )
        for segment, both in sorted(preview.segments.items(), key=lambda item: -item[1])
    ]
    columns = [t("table.segment"), t("table.both"), t("table.of_audience"), t("table.of_segment")]
    return View(
        "",
        {
            "matched": preview.matched,
            "customers": preview.customers,
            "share": preview.matched / preview.customers if preview.customers else 0.0,
            "unknown": preview.unknown,
            "as_of": float(preview.as_of),
            "examples": [
                {
                    "pseudonym": one.pseudonym,
                    "why": [{"wanted": each["wanted"], "asks": in_labels(each["asks"], labels)} for each in one.why],
                }
                for one in preview.examples
            ],
        },
        {"preview": Table(t("audiences.in_segments"), columns, rows)},
    )


PAGE: Final = Page("/builder", "builder.html", "audiences", view)
