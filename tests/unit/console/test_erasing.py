"""Erasing a customer in the console: who may, after what confirmation, with which trace and receipt. Issue 17."""

import asyncio
import json
import re

import httpx
import pytest

from streamseg.clustering.description.describe import pseudonym
from streamseg.errors import ServerUnavailableError
from streamseg.features.rows import Rows
from streamseg.ports import Flush
from streamseg.topics import CLICKS, ERASURES, HISTORY
from tests.support.console import LAYOUT, NOW, ORIGIN, SEGMENT, ServedConsole, served_console


async def erase(client: httpx.AsyncClient, typed: str, token: str | None = None) -> httpx.Response:
    page = (await client.get("/customers?id=c-0")).text
    (found, *_) = re.findall(r'name="token" value="(\w+)"', page)
    fields = {"id": "c-0", "typed": typed, "token": found if token is None else token}
    return await client.post("/customers/erase", data=fields, headers={"Origin": ORIGIN})


@pytest.mark.asyncio
async def test_privacy_erases_a_customer_whose_id_was_typed_and_the_log_has_a_pseudonym() -> None:
    async with served_console() as served, served.logged_in("privacy") as client:
        answer = await erase(client, "c-0")
        assert answer.status_code == 303
        (record,) = served.log.records[ERASURES]
        value = json.loads(record.value or b"")
        assert (record.key, value["customer_id"], value["occurred_at"][:10]) == (b"c-0", "c-0", "2026-11-18")
        assert dict(record.headers)["ce_type"] == b"streamseg.erasure.v1"
        (entry,) = await served.audit.latest(10)
        assert (entry.who, entry.role, entry.action) == ("privacy", "privacy", "erase customer")
        assert (entry.subject, entry.after) == (pseudonym("c-0"), value["event_id"])
        receipt = (await client.get(answer.headers["location"])).text
        assert value["event_id"] in receipt
        assert receipt.count("✓") == 1  # the workers have not carried it out


@pytest.mark.asyncio
@pytest.mark.parametrize("role", ["viewer", "editor"])
async def test_others_have_no_button_and_are_refused(role: str) -> None:
    async with served_console() as served, served.logged_in(role) as client:
        for customer in ("c-0", "unknown"):
            assert "/customers/erase" not in (await client.get(f"/customers?id={customer}")).text
        assert (await erase(client, "c-0")).status_code == 403
        assert (await client.get(f"/customers/erasure?id=c-0&request=r&at={NOW}")).status_code == 404
        assert served.log.records[ERASURES] == []
        assert await served.audit.latest(10) == []


@pytest.mark.asyncio
async def test_without_confirmation_or_token_nothing_is_asked_for() -> None:
    async with served_console() as served, served.logged_in("privacy") as client:
        assert (await erase(client, "c-1")).status_code == 422
        assert (await erase(client, "")).status_code == 422
        assert (await erase(client, "c-0", token="0" * 64)).status_code == 403
        assert served.log.records[ERASURES] == []
        assert await served.audit.latest(10) == []


@pytest.mark.asyncio
async def test_somebody_unknown_can_be_erased_too_so_that_late_events_bring_nobody_back() -> None:
    async with served_console() as served, served.logged_in("privacy") as client:
        page = (await client.get("/customers?id=unknown")).text
        assert "No customer with this id is known" in page
        assert 'action="/customers/erase"' in page


@pytest.mark.asyncio
async def test_a_kafka_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served_console() as served, served.logged_in("privacy") as client:

        async def away(_: object) -> None:
            raise ServerUnavailableError("away")

        async def away_too(*_: object) -> None:
            raise ServerUnavailableError("away")

        monkeypatch.setattr(served.log, "send", away)
        monkeypatch.setattr(served.log, "bounds", away_too)
        assert (await erase(client, "c-0")).status_code == 503
        await asyncio.sleep(0.1)
        page = await client.get("/customers?id=c-0")
        assert page.status_code == 200
        assert "The topics cannot be read" in page.text


async def carried_out(served: ServedConsole) -> None:
    """The row that a worker leaves of an erased customer."""
    rows = Rows(LAYOUT, 1)
    slots = rows.load(["c-0"], [None])
    rows.erased_at[slots] = NOW
    state = served.console._serving._facts._state
    claimed = await state.claim(0, "w", LAYOUT.fingerprint, 1)
    await state.flush(0, Flush("w", claimed.flush_number, rows=[("c-0", rows.dump(slots)[0])]))


@pytest.mark.asyncio
async def test_the_receipt_follows_what_workers_have_done() -> None:
    async with served_console() as served, served.logged_in("privacy") as client:
        path = (await erase(client, "c-0")).headers["location"]
        await carried_out(served)
        assert (await client.get(path)).text.count("✓") == 2  # the membership string is still there
        served.memberships._strings.clear()
        assert (await client.get(path)).text.count("✓") == 3
        for wrong in ("/customers/erasure", "/customers/erasure?id=c-0&request=r&at=soon", f"{path}x"):
            assert (await client.get(wrong)).status_code == 404, wrong


@pytest.mark.asyncio
async def test_the_customer_page_says_that_it_reads_then_tells_the_past() -> None:
    async with served_console() as served, served.logged_in("viewer") as client:
        served.log.event(CLICKS, "c-0", "1", 0, event_name="view_item")
        change = {"segmentation": "behaviour", "segment": SEGMENT, "change": "entered"}
        value = {"v": 1, "customer_id": "c-0", "epoch": 1, "seq": 1, "as_of": int(NOW), "changes": [change]}
        served.log.append(HISTORY, b"c-0", json.dumps(value).encode())
        first = (await client.get("/customers?id=c-0")).text
        assert "The topics are being read" in first
        assert "<progress" in first
        await asyncio.sleep(0.1)
        then = (await client.get("/customers?id=c-0")).text
        assert "entered" in then
        assert "view_item" in then
        assert "<progress" not in then
