"""Reports show what the pages show, to who may see them. Issue 17."""

import pytest

from tests.support.console import OTHER, SEGMENT, entry, served_console


@pytest.mark.asyncio
async def test_the_deck_has_a_sheet_for_the_overview_and_for_each_living_segment() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        await served.models.write_catalogue({"behaviour-old1": entry("Gone", retired=1_700_000_000)})
        deck = (await client.get("/reports")).text
        assert deck.count('class="sheet"') == 3
        assert deck.index("Weekend shoppers</h2>") < deck.index("=Night owls</h2>")  # the larger first
        assert '<img src="/?as=svg&amp;name=sizes"' in deck
        assert f'<img src="/segments/{SEGMENT}?as=svg&amp;name=size"' in deck
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
