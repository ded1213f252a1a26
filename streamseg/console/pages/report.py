"""Reports to print: one page of a segment, and a deck of everything. They show what the pages show."""

from typing import Final

from streamseg.console.pages import overlap, overview, segment
from streamseg.console.pages.segment_texts import entries_for, is_segment
from streamseg.console.pages.view import Page, Parameters, Reader, View
from streamseg.console.reads.facts import Facts

MOST_ROWS: Final = 5
"""Rows of a table on the page of a segment: the first ones, which are the largest."""


async def one(facts: Facts, reader: Reader, given: Parameters) -> View:
    """Return the report of a segment. Raises `NotFoundError`."""
    shown = await segment.view(facts, reader, given)
    return View(shown.title, {"pages": [shown], "most": MOST_ROWS}, {}, {}, shown.as_of)


async def deck(facts: Facts, reader: Reader, given: Parameters) -> View:
    """Return the deck: the overview, each segment that lives, the largest first, and the overlap."""
    entries = entries_for(await facts.catalogue(), reader)
    living = [one for one in entries if is_segment(one, entries) and not entries[one].get("retired")]
    pages = [await segment.view(facts, reader, {"segment": one}) for one in living]
    pages.sort(key=lambda shown: (str(shown.facts["entry"]["segmentation"]), -int(shown.facts["size"])))
    first, last = await overview.view(facts, reader, given), await overlap.view(facts, reader, given)
    return View(
        reader.texts("report.title"),
        {"pages": pages, "most": MOST_ROWS, "overview": first, "overlap": last},
        {},
        {},
        first.as_of,
    )


ONE: Final = Page("/reports/segments/{segment}", "report.html", "overview", one)
DECK: Final = Page("/reports", "report.html", "overview", deck)
