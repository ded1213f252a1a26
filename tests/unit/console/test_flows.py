"""Who moved where between two days: the page, its picture, table and limits. Issue 17."""

import csv
import html
import io
import json
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Literal

import pytest

from streamseg.clustering.description.describe import pseudonym
from streamseg.console.charts.alluvial import Band, alluvial
from streamseg.errors import ServerUnavailableError
from streamseg.membership.encoding import encode, history_record
from streamseg.membership.types import MembershipChange, OutboxEntry
from streamseg.service.day_counts import DayCounts, between, date_of
from streamseg.service.movers import recent_moves
from streamseg.topics import HISTORY
from tests.support.console import NOW, OTHER, SEGMENT, ServedConsole, served_console, shown
from tests.support.served_api import membership_of

TODAY = date_of(int(NOW // 86_400))
YESTERDAY = TODAY - timedelta(1)


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))[1:]


def test_sizes_before_and_after_and_the_moves_between_two_days() -> None:
    counts = DayCounts(
        {"s-a": 5, "s-b": 1, "other-a": 9},
        {
            10: Counter({("s-a", "s-b"): 9}),
            11: Counter({("s-a", "s-b"): 2, (None, "s-a"): 3, (None, "other-a"): 4}),
            12: Counter({("s-b", "s-a"): 1, ("s-b", None): 1}),
        },
    )
    found = between(counts, "s", date_of(11), date_of(11))
    assert found.flows == {(None, "s-a"): 3, ("s-a", "s-b"): 2}
    assert (found.before, found.after) == ({"s-a": 3, "s-b": 1}, {"s-a": 4, "s-b": 3})
    assert between(counts, "s", date_of(13), date_of(14)).before == {"s-a": 5, "s-b": 1}
    assert between(counts, "s", date_of(12), date_of(12)).after == {"s-a": 5, "s-b": 1}


@pytest.mark.asyncio
async def test_only_the_days_that_are_asked_for_are_counted() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        for first, last, moves in ((YESTERDAY, TODAY, "2"), (TODAY, TODAY, "1"), (TODAY, YESTERDAY, "2")):
            asked = f"segmentation=behaviour&first={first}&last={last}"
            ways = rows((await client.get(f"/flows?{asked}&as=csv&name=ways")).text)
            assert ways == [[OTHER, SEGMENT, moves, "0", moves]]
        page = (await client.get(f"/flows?first={TODAY}&last={TODAY}")).text
        assert "One move: from “=Night owls” to “Weekend shoppers”." in page
        sizes = rows((await client.get(f"/flows?first={TODAY}&last={TODAY}&as=csv&name=sizes")).text)
        assert sizes == [[SEGMENT, "2", "3", "1"], [OTHER, "3", "2", "-1"]]
        nothing = (await client.get("/flows?first=2020-01-01&last=2020-01-02")).text
        assert "Nobody moved on these days." in nothing
        assert "data-chart" not in nothing


@pytest.mark.asyncio
async def test_what_is_no_day_or_segmentation_is_left_out() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        page = await client.get("/flows?segmentation=%3Cscript%3E&first=never&last=9999999999")
        assert page.status_code == 200
        assert "<script>" not in page.text.replace("<script defer", "").replace('<script type="module"', "")
        assert f'value="{TODAY}"' in page.text


@pytest.mark.asyncio
async def test_the_picture_is_drawn_as_svg_and_says_how_many_and_of_when() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        asked = f"first={YESTERDAY}&last={TODAY}"
        spec = json.loads((await client.get(f"/flows?{asked}&as=json&name=flows")).text)
        assert spec["title"]["subtitle"].startswith(f"2 moves from {YESTERDAY} to {TODAY}")
        svg = (await client.get(f"/flows?{asked}&as=svg&name=flows")).text
        assert svg.startswith("<svg")
        assert "Weekend shoppers" in svg


def test_bands_fill_their_bars_and_names_never_lie_on_each_other() -> None:
    bands = [Band("a", "b", 900, ""), Band("a", "c", 1, ""), Band("b", "a", 1, ""), Band("c", "a", 1, "")]
    spec = alluvial("t", "s", bands, ("from", "to"))
    curves, left, _, _, right, *_ = (layer["data"]["values"] for layer in spec["layer"])
    for side in (left, right):
        middles = sorted(one["middle"] for one in side)
        assert all(after - before >= 13 for before, after in pairwise(middles))
    ends = [one for one in curves if one["x"] < 0.02 and one["source"] == "a"]
    assert sum(one["y2"] - one["y"] for one in ends) == pytest.approx(left[0]["y2"] - left[0]["y"], abs=0.3)


def moved(served: ServedConsole, customer: str, left: str | None, entered: str | None, at: float) -> None:
    """Add a record as the relay writes it."""
    ways: list[tuple[str | None, Literal["exited", "entered"]]] = [(left, "exited"), (entered, "entered")]
    changes = [MembershipChange("behaviour", segment, change) for segment, change in ways if segment is not None]
    string = encode(replace(membership_of(customer, entered or SEGMENT), as_of=int(at)))
    record = history_record(OutboxEntry(customer, 1, 1, string, tuple(changes)))
    served.log.append(HISTORY, customer.encode(), record)


async def hour_of(*moves: tuple[str, str | None, str | None, float]) -> str:
    """What the overview says of the last hour, without its tags, where so many moved."""
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        for customer, left, entered, ago in moves:
            moved(served, customer, left, entered, NOW - ago)
        page = (await client.get("/")).text
    (section,) = re.findall(r'aria-labelledby="movers-hour">(.*?)</section>', page, re.DOTALL)
    return html.unescape(" ".join(re.sub("<[^>]+>", " ", section).split()))


@pytest.mark.asyncio
async def test_the_overview_has_the_biggest_movers_of_the_last_hour() -> None:
    before = ("c-0", SEGMENT, OTHER, 3_601.0)
    said = await hour_of(before, ("c-1", OTHER, SEGMENT, 3_599.0), ("c-2", OTHER, SEGMENT, 1.0))
    assert "▲ +2 Weekend shoppers mostly from =Night owls (2)" in said
    assert "▼ \u22122 =Night owls mostly to Weekend shoppers (2)" in said
    assert "Counted since" not in said
    assert "No segment has changed its size." in await hour_of(before)


@pytest.mark.asyncio
async def test_movers_of_less_than_an_hour_say_since_when() -> None:
    assert "Counted since 2026-11-18T11:05:40Z" in await hour_of(("c-1", OTHER, SEGMENT, 60.0))


@pytest.mark.asyncio
async def test_who_moved_on_a_way_is_a_pseudonym_unless_the_role_may_see_ids() -> None:
    async with served_console() as served:
        moved(served, "c-0", OTHER, SEGMENT, NOW - 60)
        moved(served, "c-0", OTHER, SEGMENT, NOW - 60)  # delivered twice
        moved(served, "c-1", SEGMENT, OTHER, NOW - 60)  # the other way
        moved(served, "c-2", OTHER, SEGMENT, NOW - 9 * 86_400)  # before
        moved(served, "c-3", None, SEGMENT, NOW - 60)
        moved(served, "c-9", OTHER, SEGMENT, NOW - 60)  # has no membership any more
        served.log.append(HISTORY, b"x", b"a stray record")
        asked = f"/flows?first={YESTERDAY}&last={TODAY}&left={OTHER}&entered={SEGMENT}"
        async with served.logged_in("viewer") as client:
            assert "c-0" not in await shown(client, asked, pseudonym("c-0"))
            found = rows((await client.get(f"{asked}&as=csv&name=movers")).text)
            assert [one[0] for one in found] == [pseudonym("c-0")]
        async with served.logged_in("privacy") as client:
            await shown(client, asked, 'href="/customers?id=c-0"')
            came = f"/flows?first={YESTERDAY}&last={TODAY}&left=&entered={SEGMENT}&as=csv&name=movers"
            assert [one[0] for one in rows((await client.get(came)).text)] == ["c-3"]


@pytest.mark.asyncio
async def test_only_the_newest_records_are_read() -> None:
    async with served_console() as served:
        for customer in ("c-0", "c-1", "c-2"):
            moved(served, customer, OTHER, SEGMENT, NOW)
        found = await recent_moves(served.log, served.memberships, 1, records=2)
        assert [one.customer_id for one in found.moves] == ["c-1", "c-2"]


@pytest.mark.asyncio
async def test_who_was_forgotten_is_not_listed() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        moved(served, "c-0", OTHER, SEGMENT, NOW - 60)
        served.log.append(HISTORY, b"c-0", history_record(OutboxEntry("c-0", 7, 2, None)))
        asked = f"/flows?first={TODAY}&last={TODAY}&left={OTHER}&entered={SEGMENT}"
        await shown(client, asked, "None of the latest moves went this way")


@pytest.mark.asyncio
async def test_without_kafka_the_page_has_all_but_the_customers() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:

        async def away(topic: str, partition: int) -> tuple[int, int]:
            raise ServerUnavailableError(topic)

        served.log.bounds = away  # type: ignore[method-assign]
        page = await client.get(f"/flows?first={TODAY}&last={TODAY}&left={OTHER}&entered={SEGMENT}")
        assert page.status_code == 200
        assert "being read from Kafka" in page.text
        assert "Every way" in page.text
        assert "The newest moves are being read from Kafka." in (await client.get("/")).text
