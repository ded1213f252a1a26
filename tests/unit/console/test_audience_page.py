"""The page of an audience: who changed it, what it was, and how well its look-alikes find. Issue 17."""

import html
import re

import pytest

from streamseg.clustering.likeness.models import Carrier, Lookalike, Lookalikes, Point, Space
from streamseg.console.pages.building.likeness import lookalikes
from streamseg.console.pages.view import Reader
from streamseg.console.texts import texts
from streamseg.service.audit_trail import Author
from tests.support.console import LAYOUT, served_console

pytestmark = pytest.mark.asyncio

RULE = b'[[audience]]\nid = "buyers"\nname = "Buyers"\npurpose = "ads"\nrule.event = "purchase"\n'
LIKE = b'[[audience]]\nid = "alike"\nname = "Alike"\npurpose = "ads"\nrule = { lookalike = "buyers", size = 10 }\n'
WAYS = ["by this look-alike", "nearest to the centre", "at random"]


async def test_the_page_says_who_changed_what_when_and_what_it_was() -> None:
    async with served_console() as served, served.logged_in("viewer") as client:
        desk = served.desk
        await desk.declare(RULE, Author("ann", "k1", "editor"), name="a.toml")
        await desk.declare(RULE.replace(b'"Buyers"', b'"Others"'), Author("crm", "k2", "api"), name="a.toml")
        page = (await client.get("/audiences/buyers")).text
        said = re.findall(r"<strong>(\w+)</strong> \(([^)]+)\) ([^<]+?)\s*<details>", page)
        assert said == [
            ("crm", "key of the API", "changed it · version 2"), ("ann", "editor", "declared it · version 1"),
        ]  # fmt: skip
        told = [html.unescape(one) for one in re.findall(r'<pre tabindex="0">([^<]+)</pre>', page)]
        assert ['name = "Buyers"' in one for one in told] == [True, False, True]


async def test_a_look_alike_says_how_many_it_finds_again_or_what_it_waits_for() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        desk = served.desk
        await desk.declare(RULE, Author("ann", "", "demo"), name="a.toml")
        await desk.declare(LIKE, Author("ann", "", "demo"), name="a.toml")
        waits = Lookalike(seed="buyers", sampled=3, needed=20)
        curve = tuple(Point(one / 10, 1 - one / 10, min(one / 5, 1.0), one / 10) for one in range(11))
        learned = Lookalike(
            seed="buyers", sampled=40, needed=20, weights=(1.0, 0.0), held_out=10, others=100.0, curve=curve,
            carriers=(Carrier("views", 1.0, 5.0, 2.0),),
        )  # fmt: skip
        for version, one in enumerate((waits, learned), 1):
            space = Space(
                segmentation="behaviour", features=("views",), skewed=(False,), mean=(0.0,), variance=(1.0,),
                lookalikes=(one,),
            )  # fmt: skip
            made = Lookalikes(version, version, (space,)).encode()
            await served.models.publish_lookalikes(version, version - 1, made)
            live = await desk.prepared(await served.facts.declared())
            view = lookalikes(live, "alike", LAYOUT, Reader(served.gate._demo, texts("en"), ()), {})  # type: ignore[arg-type]
            if one is waits:
                page = (await client.get("/audiences/alike?lang=en")).text
                assert "3 of 20 sampled customers" in page
                assert view.charts == {}
        assert [[cell.text for cell in row] for row in view.tables["lookalike-0"].rows] == [
            [WAYS[0], "20%", "2.0"], [WAYS[1], "10%", "1.0"], [WAYS[2], "10%", "1.0"],
        ]  # fmt: skip
        values = view.charts["recall-0"]["data"]["values"]
        assert {one["recall"] for one in values if one["name"] == WAYS[0] and one["share"] == 0.1} == {0.2}
