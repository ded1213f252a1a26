"""Webhooks reach every subscriber at least once, signed, or are parked and listed."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook

from streamseg.api.webhooks.dispatcher import LEASE_SECONDS, Dispatcher, deliveries_of
from streamseg.membership.encoding import change_record
from streamseg.membership.types import MembershipChange
from streamseg.metrics import Metrics
from streamseg.ports import Subscriber
from streamseg.store.memory import MemoryWebhookStore
from tests.support.served_api import entry_of, membership_of

CRM = Subscriber("crm", "https://crm.example/hook", "whsec_" + "c2VjcmV0" * 5)
MOVED = (
    MembershipChange("behaviour", "behaviour-m3xw", "exited"),
    MembershipChange("behaviour", "behaviour-k7q2", "entered"),
)


def record(*, ads: bool = True) -> bytes:
    value = change_record(msgspec.structs.replace(entry_of(membership_of("c-81", ads=ads)), changes=MOVED))
    assert value is not None
    return value


def told(subscriber: Subscriber, value: bytes | None) -> list[dict[str, Any]]:
    return [json.loads(each.body) for each in deliveries_of(b"c-81", value, "0-5", [subscriber], 1_795_000_100)]


def test_a_change_is_told_with_its_place_in_the_order() -> None:
    (body,) = told(CRM, record())
    assert body["type"] == "membership.changed"
    assert body["timestamp"] == "2026-11-18T11:08:20.000Z"
    assert {name: body["data"][name] for name in ("customer_id", "epoch", "seq")} == {
        "customer_id": "c-81", "epoch": 7, "seq": 1,
    }  # fmt: skip
    assert [change["change"] for change in body["data"]["changes"]] == ["exited", "entered"]


def test_subscribers_hear_of_their_segments_only() -> None:
    (body,) = told(replace(CRM, segments=("behaviour-k*",)), record())
    assert [change["segment"] for change in body["data"]["changes"]] == ["behaviour-k7q2"]
    assert told(replace(CRM, segments=("audience-*",)), record()) == []


def test_ad_subscribers_hear_of_entries_only_under_consent_and_always_of_exits() -> None:
    ads = replace(CRM, purpose="ads")
    assert [change["change"] for change in told(ads, record(ads=False))[0]["data"]["changes"]] == ["exited"]
    assert len(told(ads, record())[0]["data"]["changes"]) == 2


def test_a_removal_is_told_to_all() -> None:
    (body,) = told(replace(CRM, segments=("audience-*",), purpose="ads"), None)
    assert (body["type"], body["data"]) == ("membership.removed", {"customer_id": "c-81"})


def test_a_record_that_is_read_again_is_the_same_message() -> None:
    first, again = (deliveries_of(b"c-81", record(), position, [CRM], 5.0) for position in ("0-5", "0-9"))
    assert first[0].id == again[0].id


@dataclass
class Bench:
    """A dispatcher with a clock and a subscriber in hand."""

    now: float = 1_000.0
    answers: list[int | Exception] = field(default_factory=list)
    got: list[tuple[bytes, Mapping[str, str]]] = field(default_factory=list)
    store: MemoryWebhookStore = field(default_factory=MemoryWebhookStore)

    def dispatcher(self) -> Dispatcher:
        async def post(_: Subscriber, body: bytes, headers: Mapping[str, str]) -> int:
            self.got.append((body, headers))
            answer = self.answers.pop(0) if self.answers else 200
            if isinstance(answer, Exception):
                raise answer
            return answer

        return Dispatcher(self.store, post, Metrics(), lambda: self.now, retry_seconds=(5, 50))


@pytest.mark.asyncio
async def test_the_signature_is_the_subscribers() -> None:
    bench = Bench(now=time.time())
    await bench.store.subscribe(CRM)
    dispatcher = bench.dispatcher()
    await dispatcher.take_in([(b"c-81", record(), "0-5")])
    assert await dispatcher.deliver_due() == 1
    ((body, headers),) = bench.got
    Webhook(CRM.secret).verify(body, dict(headers))
    assert await dispatcher.deliver_due() == 0
    assert await bench.store.waiting() == 0


@pytest.mark.asyncio
async def test_failures_are_tried_again_ever_more_rarely_and_then_parked() -> None:
    bench = Bench(answers=[500, OSError("refused"), TimeoutError()])
    await bench.store.subscribe(CRM)
    dispatcher = bench.dispatcher()
    await dispatcher.take_in([(b"c-81", record(), "0-5")])
    attempts = []
    for _ in range(200):
        if await dispatcher.deliver_due():
            attempts.append(bench.now)
        bench.now += 1
    assert len(attempts) == 3
    assert 4 <= attempts[1] - attempts[0] <= 7
    assert 44 <= attempts[2] - attempts[1] <= 57
    (given_up,) = await bench.store.parked()
    assert given_up.reason == "no answer within 10 s"
    await dispatcher.take_in([(b"c-81", record(), "0-5")])
    assert await dispatcher.deliver_due() == 0
    assert await bench.store.unpark(given_up.id, bench.now)
    assert await dispatcher.deliver_due() == 1
    assert (await bench.store.parked(), await bench.store.waiting()) == ([], 0)


@pytest.mark.asyncio
async def test_a_dispatcher_that_died_gives_its_deliveries_back() -> None:
    bench = Bench()
    await bench.store.subscribe(CRM)
    dispatcher = bench.dispatcher()
    await dispatcher.take_in([(b"c-81", record(), "0-5")])
    assert len(await bench.store.take(bench.now, LEASE_SECONDS, 10)) == 1
    assert await dispatcher.deliver_due() == 0
    bench.now += LEASE_SECONDS + 1
    assert await dispatcher.deliver_due() == 1


@pytest.mark.asyncio
async def test_a_subscriber_that_is_gone_is_parked_at_once_and_one_that_left_is_dropped() -> None:
    bench = Bench(answers=[410])
    await bench.store.subscribe(CRM)
    dispatcher = bench.dispatcher()
    await dispatcher.take_in([(b"c-81", record(), "0-5"), (b"c-82", None, "0-6")])
    await dispatcher.deliver_due()
    assert len(await bench.store.parked()) == 1
    await dispatcher.take_in([(b"c-83", None, "0-7")])
    await bench.store.unsubscribe("crm")
    await dispatcher.deliver_due()
    assert await bench.store.waiting() == 0
    assert len(bench.got) == 2
