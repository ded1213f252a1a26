"""Events over HTTP are checked as in the worker, and accepted only when Kafka has acknowledged them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from streamseg.api.http.access import identity_hash
from streamseg.events.cloudevents import envelope_fault
from streamseg.topics import CLICKS, PURCHASES
from tests.support.served_api import IDENTITY_SECRET, PK, ListSink, Served

pytestmark = pytest.mark.asyncio


def click(customer_id: str = "c-81", **more: Any) -> dict[str, Any]:
    event = {
        "event_id": "e-1",
        "customer_id": customer_id,
        "occurred_at": datetime.now(UTC).isoformat(),
        "event_name": "view_item",
        "items": [{"item_id": "i-1"}],
    }
    return {"kind": "click", "event": event | more}


async def test_an_accepted_event_is_written_byte_for_byte_with_its_customer_as_key() -> None:
    served = Served()
    body = json.dumps(click(unknown_field=[1, {"a": None}]), indent=1).encode()
    async with served.client() as client:
        answer = await client.post("/v1/events", content=body)
    assert answer.status_code == 202
    (record,) = served.sink.records
    assert (record.topic, record.key) == (CLICKS, b"c-81")
    assert record.value is not None
    assert record.value in body
    assert envelope_fault(dict(record.headers), b"streamseg.click.v1") is None


async def test_a_batch_has_a_result_for_each() -> None:
    served = Served()
    purchase = {
        "kind": "purchase",
        "event": click()["event"] | {"event_name": "purchase", "transaction_id": "t-1", "value": 5, "currency": "EUR"},
    }
    events = [click(), {"kind": "click", "event": {"event_id": "e"}}, purchase, {"kind": "clack"}, 7]
    async with served.client() as client:
        answer = await client.post("/v1/events", json={"events": events})
    assert answer.status_code == 200
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (2, 3)
    assert [each["status"] for each in answer.json()["results"]] == [
        "accepted", "rejected", "accepted", "rejected", "rejected",
    ]  # fmt: skip
    assert answer.json()["results"][3]["field"] == "events[3].kind"
    assert [record.topic for record in served.sink.records] == [CLICKS, PURCHASES]


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"event_name": "purchase"}, "event.event_name"),
        ({"customer_id": "a b"}, "event.customer_id"),
        ({"occurred_at": "2999-01-01T00:00:00Z"}, "event.occurred_at"),
        ({"event_id": ""}, "event.event_id"),
        ({"event_name": "View Item", "items": [{}]}, "event.event_name"),
    ],
)
async def test_a_wrong_field_is_named(event: dict[str, Any], field: str) -> None:
    served = Served()
    async with served.client() as client:
        answer = await client.post("/v1/events", json=click(**event))
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert served.sink.records == []


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 422), (b'{"events":7}', 422), (b'{"events":[]}', 422), (b"{}", 422), (b"[" * 100_000, 400)],
)
async def test_a_malformed_body_is_refused(body: bytes, status: int) -> None:
    async with Served().client() as client:
        answer = await client.post("/v1/events", content=body)
    assert answer.status_code == status


async def test_nothing_is_accepted_while_kafka_does_not_answer() -> None:
    async with Served(sink=ListSink(away=True)).client() as client:
        answer = await client.post("/v1/events", json={"events": [click()]})
    assert (answer.status_code, answer.headers["streamseg-unavailable"]) == (503, "kafka")


async def test_a_publishable_key_sends_only_clicks_of_its_own_customer() -> None:
    served = Served()
    async with served.client(PK, {"X-Streamseg-Hash": identity_hash(IDENTITY_SECRET, "c-81")}) as client:
        own = await client.post("/v1/events", json=click())
        foreign = await client.post("/v1/events", json=click("c-82"))
        erasure = await client.post("/v1/events", json={"kind": "erasure", "event": {"customer_id": "c-81"}})
    assert [each.status_code for each in (own, foreign, erasure)] == [202, 403, 403]
    assert len(served.sink.records) == 1


async def test_an_invalid_detail_does_not_cost_the_event() -> None:
    """Issue 13, item 13: the worker normalises or leaves out the fields, and counts them."""
    served = Served()
    event = click(currency="XXX", value=1, items=[{}], device_category="Smart TV")
    async with served.client() as client:
        answer = await client.post("/v1/events", json=event)
    assert answer.status_code == 202
    assert len(served.sink.records) == 1
