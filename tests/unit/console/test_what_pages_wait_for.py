"""Pages wait for nothing that takes long, and have it as soon as it is there. Issue 17."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from streamseg.console.access.sessions import new_session
from streamseg.console.charts import drawing, specs
from streamseg.console.pages.overview import PAGE
from streamseg.console.pages.view import Reader
from streamseg.console.reads.kept import SOON_SECONDS, Kept, News, StillReadingError
from streamseg.console.texts import texts
from streamseg.ports import Flows, Flush
from streamseg.service.day_counts import DayCounts
from tests.support.console import NOW, OTHER, SEGMENT, ServedConsole, served_console

pytestmark = pytest.mark.asyncio


class Slow:
    """A reading that goes on until it may end."""

    def __init__(self) -> None:
        self.may_end, self.reads = asyncio.Event(), 0

    async def read(self) -> int:
        self.reads += 1
        number = self.reads
        await self.may_end.wait()
        return number


async def test_the_old_value_is_served_while_a_new_one_is_read_and_news_say_when_it_is_there() -> None:
    slow, news = Slow(), News()
    kept = Kept(slow.read, 0.0, 1_000.0, news)
    with pytest.raises(StillReadingError):
        await kept.soon()
    slow.may_end.set()
    await asyncio.wait_for(news.after(0), 10)
    slow.may_end.clear()
    await asyncio.sleep(0.01)  # it is too old now
    assert await kept.soon() == 1
    assert news.number == 1
    slow.may_end.set()
    await asyncio.wait_for(news.after(1), 10)
    assert await kept.soon() >= 2


async def test_who_waits_for_the_new_value_is_not_served_the_old_one() -> None:
    slow = Slow()
    kept = Kept(slow.read, 0.0, 1_000.0)
    slow.may_end.set()
    assert await kept.get() == 1
    slow.may_end.clear()
    await asyncio.sleep(0.01)  # it is too old now
    asking = asyncio.create_task(kept.get())
    await asyncio.sleep(0.3)
    assert not asking.done()
    slow.may_end.set()
    assert await asking == 2


async def test_a_page_waits_once_for_a_reading_that_takes_long() -> None:
    kept = Kept(Slow().read, 60.0)
    began = time.monotonic()
    for _ in range(10):
        with pytest.raises(StillReadingError):
            await kept.soon()
    assert time.monotonic() - began < 5 * SOON_SECONDS


async def test_nothing_that_was_forgotten_is_served() -> None:
    slow = Slow()
    kept = Kept(slow.read, 60.0)
    slow.may_end.set()
    await kept.get()
    slow.may_end.clear()
    await asyncio.sleep(0.01)  # it is too old now
    kept.forget()
    with pytest.raises(StillReadingError):
        await kept.soon()


@asynccontextmanager
async def parts(served: ServedConsole) -> AsyncIterator[AsyncIterator[str]]:
    """The stream of the overview, of which its first state was read."""
    reader = Reader(new_session("", "d", "demo", 0), texts("en"), ())
    served.gate._demo = reader.session
    changes = served.console._serving._changes(PAGE, reader, {})
    while not (await anext(changes)).startswith(("event: now", "event: reading")):
        pass
    yield changes
    await changes.aclose()  # type: ignore[attr-defined]


async def test_a_change_is_on_the_page_as_soon_as_it_is_read_and_not_at_the_look_after() -> None:
    async with served_console(demo=True, soon_seconds=0.05) as served:
        facts = served.facts
        whole = facts.day_counts

        async def read() -> DayCounts:
            found = await whole()
            await asyncio.sleep(0.4)
            return found

        facts.day_counts = Kept(read, 0.3, 0.5, facts.news).soon
        async with parts(served) as changes:
            while not (await anext(changes)).startswith("event: now"):
                pass
            metadata = await served.state.metadata(0)
            assert metadata is not None
            flows = Flows(int(NOW // 86_400), {(OTHER, SEGMENT): 1})
            flush = Flush("w", metadata.flush_number, sizes={SEGMENT: 4, OTHER: 1}, flows=flows)
            await served.state.flush(0, flush)
            began = time.monotonic()
            async for one in changes:
                if one.startswith("event: part") and json.loads(one.partition("data: ")[2])["name"] == "live_figures":
                    break
            assert time.monotonic() - began < 2.0


async def test_an_overview_whose_counts_take_long_says_so_and_is_drawn_when_they_are_there() -> None:
    async with served_console(demo=True, soon_seconds=0.1) as served, served.client("127.0.0.1") as client:
        facts, may_end = served.facts, asyncio.Event()
        whole = facts.day_counts

        async def read() -> DayCounts:
            await may_end.wait()
            return await whole()

        facts.day_counts = Kept(read, 0.3, 0.5, facts.news).soon
        began = time.monotonic()
        assert "data-reading" in (await client.get("/")).text
        assert time.monotonic() - began < 1.0
        async with parts(served) as changes:
            may_end.set()
            began = time.monotonic()
            while not (await anext(changes)).startswith("event: now"):
                pass
            assert time.monotonic() - began < 0.9  # at the news, and not at the next look
        assert "Weekend shoppers" in (await client.get("/")).text


async def test_the_process_goes_on_while_charts_are_drawn() -> None:
    """vl-convert keeps Python's lock: in this process everything would stand still for a second and more."""
    drawing._ENGINE.end()  # the first drawing of a process takes longest
    spec = specs.over_time("t", "s", [{"day": "2026-01-01", "size": 1, "name": "n"}], ["n"], "axis")
    drawn = asyncio.create_task(drawing.svg(spec, "en"))
    began, looks = time.monotonic(), 0
    while not drawn.done():
        await asyncio.sleep(0.01)
        looks += 1
    assert (await drawn).startswith(b"<svg")
    assert looks > 20 * (time.monotonic() - began)


async def test_charts_are_drawn_again_after_their_process_was_killed() -> None:
    spec = specs.over_time("t", "s", [{"day": "2026-01-01", "size": 1, "name": "n"}], ["n"], "axis")
    await drawing.svg(spec, "en")
    process = drawing._ENGINE._process
    assert process is not None
    process.kill()
    process.wait()
    assert (await drawing.svg(spec, "en")).startswith(b"<svg")
