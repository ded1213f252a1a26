"""Reports show what the pages show, to who may see them. Issue 17."""

import asyncio
import re
from base64 import b64decode

import pytest

from streamseg.console.pages.report import Picture, Sheet, sheet
from streamseg.console.pages.view import View
from tests.support.console import OTHER, entry, served_console


def drawings(page: str) -> list[str]:
    """Return the charts that stand in the page, as SVG."""
    return [b64decode(one).decode() for one in re.findall(r'<img src="data:image/svg\+xml;base64,([^"]+)"', page)]


@pytest.mark.asyncio
async def test_the_deck_has_a_sheet_for_the_overview_and_for_each_living_segment() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        await served.models.write_catalogue({"behaviour-old1": entry("Gone", retired=1_700_000_000)})
        deck = (await client.get("/reports")).text
        assert deck.count('class="sheet"') == 3
        assert deck.index("Weekend shoppers</h2>") < deck.index("=Night owls</h2>")  # the larger first
        assert len(drawings(deck)) == deck.count("<img") == 3  # sizes, and one for each segment
        assert all("<path" in one for one in drawings(deck))
        assert "Gone" not in deck
        one = (await client.get(f"/reports/segments/{OTHER}")).text
        assert one.count('class="sheet"') == 1
        assert "<h1>=Night owls</h1>" in one
        assert (await client.get("/reports/segments/none")).status_code == 404


@pytest.mark.asyncio
async def test_the_deck_follows_the_language_and_needs_a_login() -> None:
    async with served_console() as served:
        async with served.client() as client:
            assert (await client.get("/reports")).status_code == 303
        async with served.logged_in("viewer") as client:
            assert "Segmenten" in (await client.get("/reports?lang=nl")).text


BARS = {"description": "Bars.", "data": {"values": [{"n": 1}]}, "mark": "bar", "encoding": {"x": {"field": "n"}}}


def test_a_chart_that_cannot_be_drawn_costs_only_itself() -> None:
    charts = {"good": BARS, "bad": BARS | {"mark": {"of": "no kind"}}, "next": BARS}

    async def play() -> Sheet:
        return await sheet(View("A page", charts=charts), "en")

    good, bad, following = asyncio.run(play()).pictures
    assert bad == Picture("Bars.", None)
    assert good == following
    assert good.address is not None
