"""The page of a customer says why also where people made the rule of the segment. Issue 17."""

import html
import re
from dataclasses import replace

import pytest

from streamseg.clustering.description.rfm import RfmBorders
from streamseg.language import languages
from streamseg.membership.encoding import encode
from streamseg.membership.types import OutboxEntry, SegmentMembership
from tests.support.console import LAYOUT, served_console
from tests.support.declared import segment_rules
from tests.support.rows import NOON, Slab, click, purchase
from tests.support.served_api import membership_of
from tests.support.stored_rows import store_rows

pytestmark = pytest.mark.asyncio

RULES = segment_rules(buyer={"event": "purchase"}, keen={"feature": "events", "at_least": 2}, prospect=None)


BORDERS = RfmBorders((1.0, 5.0, 9.0, 20.0), (1.0, 2.0, 3.0, 4.0), (10.0, 20.0, 30.0, 40.0), 100, NOON)


async def page_of(clicks: int, segment: str, language: str = "en", purchases: int = 0) -> str:
    """The page of a customer with so many events in a declared segment."""
    async with served_console(demo=True, rules={"value": RULES}) as served, served.client("127.0.0.1") as client:
        slab = Slab(LAYOUT, ("c-81",))
        for event in (*(click(NOON) for _ in range(clicks)), *(purchase(NOON) for _ in range(purchases))):
            slab.feed([event])
        await served.models.write_rfm(BORDERS.to_json())
        await store_rows(served.state, LAYOUT, {"c-81": slab.stored()[0]})
        of = membership_of("c-81")
        published = SegmentMembership(segment, int(NOON), 1.0)
        stored = encode(replace(of, as_of=int(NOON), model={"value": 1}, segments={"value": published}))
        await served.memberships.write([OutboxEntry("c-81", 9, 9, stored)])
        return (await client.get(f"/customers?id=c-81&lang={language}")).text


async def why(clicks: int, segment: str, language: str = "en") -> str:
    """What the page says of the segment, without its tags."""
    page = await page_of(clicks, segment, language)
    (section,) = re.findall(r'aria-labelledby="in-value">(.*?)</section>', page, re.DOTALL)
    return html.unescape(" ".join(re.sub("<[^>]+>", " ", section).split()))


async def test_a_declared_segment_is_explained_by_the_rule_that_holds() -> None:
    said = await why(3, "value-keen")
    assert "The first of the rules, in their order, that holds: ✓ holds: events >= 2 (3)" in said
    assert "to the centre" not in said


async def test_the_segment_of_all_others_says_that_no_rule_holds() -> None:
    assert "None of the rules before it holds." in await why(1, "value-prospect")


@pytest.mark.parametrize("language", languages())
async def test_the_rule_is_told_in_the_language_of_the_reader(language: str) -> None:
    said = await why(3, "value-buyer", language)
    assert {"en": "purchase ever", "nl": "aankoop ooit", "sv": "köp någon gång"}[language] in said


async def test_recency_frequency_and_money_stand_once_at_the_top() -> None:
    page = await page_of(1, "value-buyer", purchases=1)
    (scores,) = re.findall(r"By recency, frequency and money: ([^<]+)</p>", page)
    assert re.fullmatch(r"[A-Z][A-Za-z' ]+ \(5-\d-\d\)", scores)
    assert page.index(scores) < page.index('id="consent"')
    assert "No Purchase Yet" in await page_of(1, "value-prospect")
