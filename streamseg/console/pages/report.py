"""Reports to print: one page of a segment, and a deck of everything. They show what the pages show.

Their charts are drawn with them and stand in the page: all of one moment, and whole when it is saved or sent.
"""

from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from streamseg.console.charts import drawing
from streamseg.console.pages import overlap, overview, segment
from streamseg.console.pages.segment_texts import entries_for, is_segment
from streamseg.console.pages.view import Page, Parameters, Reader, View
from streamseg.console.reads.facts import Facts
from streamseg.errors import NotFoundError

MOST_ROWS: Final = 5
"""Rows of a table on the page of a segment: the first ones, which are the largest."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn chart: what it shows, and an SVG as a `data:` address; None if it could not be drawn."""

    description: str
    address: str | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page as it is printed."""

    shown: View
    pictures: Sequence[Picture]


async def one(facts: Facts, reader: Reader, given: Parameters) -> View:
    """Return the report of a segment. Raises `NotFoundError`."""
    shown = await segment.view(facts, reader, given)
    drawn = await sheet(shown, reader.texts.language)
    return View(shown.title, {"sheets": [drawn], "most": MOST_ROWS}, {}, {}, shown.as_of)


async def deck(facts: Facts, reader: Reader, given: Parameters) -> View:
    """Return the deck: the overview, each segment that lives, the largest first, and the overlap."""
    entries = entries_for(await facts.catalogue(), reader)
    living = [one for one in entries if is_segment(one, entries) and not entries[one].get("retired")]
    pages = []
    for name in living:
        with suppress(NotFoundError):  # it has ended since
            pages.append(await segment.view(facts, reader, {"segment": name}))
    pages.sort(key=lambda shown: (str(shown.facts["entry"]["segmentation"]), -int(shown.facts["size"])))
    language = reader.texts.language
    first, last = await overview.view(facts, reader, given), await overlap.view(facts, reader, given)
    return View(
        reader.texts("report.title"),
        {
            "overview": await sheet(first, language),
            "sheets": [await sheet(shown, language) for shown in pages],
            "overlap": await sheet(last, language),
            "most": MOST_ROWS,
        },
        {},
        {},
        first.as_of,
    )


async def sheet(shown: View, language: str) -> Sheet:
    """Return the page with its charts drawn, numbers and days written as in a language."""
    pictures = []
    for spec in shown.charts.values():
        try:
            drawn = b64encode(await drawing.svg(spec, language)).decode()
        except drawing.DrawingError:
            pictures.append(Picture(spec["description"], None))
        else:
            pictures.append(Picture(spec["description"], f"data:image/svg+xml;base64,{drawn}"))
    return Sheet(shown, pictures)


ONE: Final = Page("/reports/segments/{segment}", "report.html", "overview", one)
DECK: Final = Page("/reports", "report.html", "overview", deck)
