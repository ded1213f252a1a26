"""Lists of customers whom a shop knows from elsewhere: what is uploaded, and who is on one now."""

from dataclasses import dataclass
from typing import Any, Final

from streamseg.audiences.definition import PURPOSES
from streamseg.audiences.lists.list_files import ReadList
from streamseg.audiences.lists.uploaded import UploadedList
from streamseg.console.pages.building.changes import changes_of
from streamseg.console.pages.view import Cell, Page, Parameters, Reader, Table, View, number
from streamseg.console.reads.facts import Facts
from streamseg.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Done:
    """A list that was just uploaded, and what was read for it."""

    uploaded: UploadedList
    read: ReadList


async def every(facts: Facts, reader: Reader, _: Parameters) -> View:
    """Return the list of lists, and for editors the form to upload one."""
    return await shown(facts, reader)


async def shown(facts: Facts, reader: Reader, done: Done | None = None, wrong: str | None = None) -> View:
    """Return the lists, with the report of the one that was just uploaded, or with what was wrong with it."""
    t = reader.texts
    rows = [
        (
            Cell(one.id, one.id, f"/lists/{one.id}"),
            Cell(", ".join(one.kinds), _kinds(one.kinds, reader)),
            number(t, one.lines),
            number(t, one.valid),
            number(t, one.duplicates),
            number(t, one.version),
        )
        for one in (await facts.declared()).lists
    ]
    columns = [t("table.list"), t("lists.holds"), *(t(f"lists.{one}") for one in ("lines", "valid", "duplicates"))]
    report = None
    if done is not None:
        report = await _report(facts, done.uploaded, reader) | {
            "reasons": [(t.number(count), reason) for reason, count in done.read.reasons.items()],
            "invalid": done.read.lines - done.read.valid,
            "first": [{"line": t.number(one.line), "reason": one.reason} for one in done.read.invalid],
        }
    return View(
        t("lists.title"),
        {"report": report, "wrong": wrong, "purposes": PURPOSES},
        {"lists": Table(t("lists.all"), [*columns, t("lists.version")], rows)},
    )


async def single(facts: Facts, reader: Reader, given: Parameters) -> View:
    """Return the page of one list, with who is on it now. Raises `NotFoundError`."""
    t, name = reader.texts, given["list"]
    declared = await facts.declared()
    found = declared.find_list(name)
    if found is None:
        raise NotFoundError(name)
    users = declared.users_of(name)
    return View(
        found.id,
        await _report(facts, found, reader)
        | {
            "users": [Cell(one, one, f"/audiences/{one}") for one in users],
            "changes": changes_of("list", name, await facts.audience_changes(), t),
        },
    )


async def _report(facts: Facts, one: UploadedList, reader: Reader) -> dict[str, Any]:
    counted = await facts.on_list(one.id, one.version)
    return {"list": one, "kinds": _kinds(one.kinds, reader), "counted": counted}


def _kinds(kinds: tuple[str, ...], reader: Reader) -> str:
    return ", ".join(reader.texts(f"lists.kind_{one}") for one in kinds)


LIST: Final = Page("/lists", "lists.html", "audiences", every)
PAGE: Final = Page("/lists/{list}", "list.html", "audiences", single)
