"""Live events: read while somebody looks, ids by role, rejected ones with their reason, and an event sent for a try."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import httpx
import pytest

from streamseg.clustering.description.describe import pseudonym
from streamseg.console.reads import live_feed
from streamseg.events.rejection import ERROR_HEADERS
from streamseg.ports import Flush
from streamseg.topics import CLICKS, DEAD_LETTERS
from tests.support.console import ORIGIN, ServedConsole, served_console

pytestmark = pytest.mark.asyncio


async def shown(ask: Callable[[], Awaitable[str]], part: str) -> str:
    """Ask until the page has a part."""
    for _ in range(200):
        page = await ask()
        if part in page:
            return page
        await asyncio.sleep(0.02)
    raise AssertionError(f"{part} does not appear")


def click(served: ServedConsole, customer: str, number: int, **fields: object) -> None:
    served.log.event(CLICKS, customer, f"e-{number}", 10.0 * number, **{"event_name": "view_item", **fields})


def reject(served: ServedConsole, customer: str) -> None:
    why = {"stage": "decode", "reason": "schema", "detail": "event_name: is no name", "topic": CLICKS, "offset": "7"}
    headers = tuple((f"{ERROR_HEADERS}{name}", text.encode()) for name, text in why.items())
    served.log.append(DEAD_LETTERS, customer.encode(), b"{}", headers)


async def body(client: httpx.AsyncClient, path: str) -> str:
    text = (await client.get(path)).text
    return text[text.index('id="live_feed"') :]


@pytest.mark.parametrize(("role", "sees"), [("viewer", False), ("editor", False), ("privacy", True)])
async def test_events_come_with_what_was_adjusted_or_why_they_were_rejected_and_ids_by_role(
    role: str, *, sees: bool
) -> None:
    async with served_console() as served, served.logged_in(role) as client:
        click(served, "before", 1)
        await body(client, "/live")
        await asyncio.sleep(0.05)
        click(served, "c-1", 2, items=[{"item_category": "shoes"}])
        click(served, "c-2", 3, device_category="x" * 999)
        reject(served, "c-3")
        page = await shown(lambda: body(client, "/live"), "event_name: is no name")
        assert "view_item · shoes" in page
        assert "<code>device_category</code> 1" in page
        assert ("c-1" in page, pseudonym("c-1") in page) == (sees, not sees)
        assert pseudonym("before") not in page, "only what comes while somebody looks"
        page = await body(client, "/live?rejected=1")
        assert page.count('<th scope="row">') == 1
        page = await body(client, f"/live?customer={pseudonym('c-2')}")
        assert page.count('<th scope="row">') == 1
        assert (await body(client, "/live?kind=purchase")).count('<th scope="row">') == 0
        if sees:
            assert (await body(client, "/live?customer=c-1")).count('<th scope="row">') == 1
        await served.facts.live.close()


async def test_nothing_is_read_while_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_feed, "IDLE_SECONDS", 0.1)
    async with served_console() as served:
        feed = served.facts.live
        assert not feed._tail.is_open  # type: ignore[attr-defined]
        await feed.newest()
        await asyncio.sleep(0.05)
        assert feed._tail.is_open  # type: ignore[attr-defined]
        await asyncio.sleep(0.3)
        assert not feed._tail.is_open  # type: ignore[attr-defined]


async def test_the_memory_of_events_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_feed, "KEPT", 5)
    async with served_console() as served:
        await served.facts.live.newest()
        await asyncio.sleep(0.05)
        for number in range(20):
            click(served, f"c-{number}", number + 1)
        await asyncio.sleep(0.1)
        found = await served.facts.live.newest()
        assert (found.seen, [one.customer_id for one in found.events]) == (20, [f"c-{n}" for n in range(19, 14, -1)])
        await served.facts.live.close()


async def send(client: httpx.AsyncClient, **fields: str) -> httpx.Response:
    found = re.findall(r'name="token" value="([^"]+)"', (await client.get("/live")).text)
    form = {"token": found[0], "sample": "view", "customer": "me", "category": "shoes", "value": ""} | fields
    return await client.post("/live/send", data=form, headers={"Origin": ORIGIN})


async def test_an_event_that_is_sent_goes_through_every_stage_with_its_times() -> None:
    async with served_console() as served, served.logged_in("editor") as client:
        answer = await send(client)
        assert answer.status_code == 303, answer.text
        (record,) = served.log.records[CLICKS]
        assert record.key == b"me"
        path = answer.headers["location"]

        async def ask() -> str:
            return (await client.get(path)).text

        page = await shown(ask, f"{CLICKS} 0/0")
        assert page.count("waits:") == 3
        metadata = await served.state.metadata(0)
        assert metadata is not None
        flush = Flush("w", metadata.flush_number, checkpoint={CLICKS: 1})
        await served.state.flush(0, flush)
        page = await shown(ask, "absorbed into the customer")
        page = await shown(ask, "done:</span> <strong>absorbed") if "done:</span> <strong>absorbed" in page else page
        for _ in range(100):
            if (await ask()).count("done:") == 2:
                break
            await asyncio.sleep(0.02)
        assert (await ask()).count("done:") == 2
        assert pseudonym("me") in page
        said = [(one.action, one.subject, one.after) for one in await served.audit.latest(5)]
        assert said == [("send test event", pseudonym("me"), {"sample": "view"})]
        await served.facts.trials.close()
        await served.facts.live.close()


async def test_an_event_that_another_process_has_sent_is_said_to_be_unknown() -> None:
    async with served_console() as served, served.logged_in("viewer") as client:
        answer = await client.get("/live/sent?id=test-1")
    assert answer.status_code == 200
    assert "another one sent it, or it was long ago" in answer.text


@pytest.mark.parametrize("wrong", [{"customer": "a b"}, {"sample": "erasure"}, {"value": "much"}, {"customer": ""}])
async def test_a_wrong_form_sends_nothing(wrong: dict[str, str]) -> None:
    async with served_console() as served, served.logged_in("editor") as client:
        assert (await send(client, **wrong)).status_code == 422
        assert served.log.records[CLICKS] == []
        assert await served.audit.latest(5) == []
        await served.facts.live.close()


@pytest.mark.parametrize("role", ["viewer", "privacy"])
async def test_only_editors_send(role: str) -> None:
    async with served_console() as served, served.logged_in(role) as client:
        assert (await send(client)).status_code == 403
        assert "/live/send" not in (await client.get("/live")).text
        assert served.log.records[CLICKS] == []
        await served.facts.live.close()
