"""Deliveries reach their subscriber signed and at least once, or are parked. Issue 13, items 16 and 17."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from standardwebhooks import Webhook

from streamseg.api.webhooks.answers import LONGEST_PAUSE_SECONDS, Answer
from streamseg.api.webhooks.dispatcher import Dispatcher
from streamseg.api.webhooks.lane import AT_ONCE, LEASE_SECONDS
from streamseg.metrics import Metrics
from streamseg.ports import ChangeRecord, Delivery, Subscriber
from streamseg.store.memory import MemoryWebhookStore
from tests.support.change_records import CRM, changed, removed

ADS = replace(CRM, id="ads", purpose="ads")


@dataclass
class Stage:
    """A dispatcher's store, clock, and the answers of its subscriber in order, 200 after the last."""

    now: float = 1_000.0
    answers: list[int | Answer | Exception] = field(default_factory=list)
    got: list[tuple[bytes, Mapping[str, str]]] = field(default_factory=list)
    store: MemoryWebhookStore = field(default_factory=MemoryWebhookStore)
    metrics: Metrics = field(default_factory=Metrics)

    def dispatcher(self, kept_at_most: int = 1_000) -> Dispatcher:
        async def post(_: Subscriber, body: bytes, headers: Mapping[str, str]) -> Answer:
            self.got.append((body, headers))
            answer = self.answers.pop(0) if self.answers else 200
            if isinstance(answer, Exception):
                raise answer
            return Answer(answer) if isinstance(answer, int) else answer

        return Dispatcher(
            self.store, post, self.metrics, lambda: self.now, retry_seconds=(5, 50), kept_at_most=kept_at_most
        )

    async def waiting(self, subscriber: str = "crm") -> int:
        return (await self.store.counts([subscriber]))[subscriber].waiting

    def counted(self, outcome: str) -> float:
        return self.metrics.registry.get_sample_value("streamseg_api_webhooks_total", {"outcome": outcome}) or 0.0

    @property
    def told(self) -> list[tuple[str, list[str]]]:
        """Type and changes of each message, in the order of arrival."""
        bodies = [json.loads(body) for body, _ in self.got]
        return [(each["type"], [one["change"] for one in each["data"].get("changes", ())]) for each in bodies]


@pytest.mark.asyncio
async def test_a_message_is_signed_with_the_secret_of_its_subscriber() -> None:
    stage = Stage(now=time.time())
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed()])
    assert await dispatcher.deliver_due() == 1
    ((body, headers),) = stage.got
    Webhook(CRM.secret).verify(body, dict(headers))
    assert await dispatcher.deliver_due() == 0
    assert await stage.waiting() == 0


@pytest.mark.asyncio
async def test_a_failed_delivery_is_retried_after_growing_waits_then_parked_until_unparked() -> None:
    stage = Stage(answers=[500, OSError("refused"), TimeoutError()])
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed()])
    attempts = []
    for _ in range(200):
        if await dispatcher.deliver_due():
            attempts.append(stage.now)
        stage.now += 1
    assert len(attempts) == 3
    assert 4 <= attempts[1] - attempts[0] <= 7
    assert 44 <= attempts[2] - attempts[1] <= 57
    (parked,) = await stage.store.parked()
    assert parked.reason == "no answer within 10 s"
    await dispatcher.take_in([changed()])
    assert await dispatcher.deliver_due() == 0
    assert await stage.store.unpark(parked.id, stage.now)
    assert await dispatcher.deliver_due() == 1
    assert (await stage.store.parked(), await stage.waiting()) == ([], 0)


@pytest.mark.asyncio
async def test_deliveries_of_a_dead_dispatcher_are_due_again_after_the_lease() -> None:
    stage = Stage()
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed()])
    assert len(await stage.store.take("crm", stage.now, LEASE_SECONDS, 10)) == 1
    assert await dispatcher.deliver_due() == 0
    stage.now += LEASE_SECONDS + 1
    assert await dispatcher.deliver_due() == 1


@pytest.mark.asyncio
async def test_status_410_ends_the_subscription_and_parks_what_was_waiting(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(answers=[410])
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed()])
    await dispatcher.deliver_due()
    await dispatcher.take_in([changed("c-82")])
    assert await dispatcher.deliver_due() == 0
    assert [(each.id, each.ended) for each in await stage.store.subscribers()] == [("crm", "status 410")]
    assert [each.reason for each in await stage.store.parked()] == ["status 410"]
    assert "subscription of crm ended" in caplog.text
    await stage.store.subscribe(CRM)
    await dispatcher.take_in([changed("c-83")])
    assert await dispatcher.deliver_due() == 1


@pytest.mark.asyncio
async def test_deliveries_of_a_removed_subscriber_are_dropped() -> None:
    stage = Stage()
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed()])
    await stage.store.unsubscribe("crm")
    await dispatcher.deliver_due()
    assert (await stage.waiting(), stage.got) == (0, [])


RETRY_AFTER = [
    ("600", 600.0),
    (format_datetime(datetime.fromtimestamp(1_000.0 + 600, UTC), usegmt=True), 600.0),
    ("9" * 30, LONGEST_PAUSE_SECONDS),
]


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("header", "wait"), RETRY_AFTER, ids=["seconds", "date", "bounded"])
async def test_retry_after_puts_off_every_delivery_to_the_subscriber(status: int, header: str, wait: float) -> None:
    stage = Stage(answers=[Answer(status, header)])
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed()])
    assert await dispatcher.deliver_due() == 1
    await dispatcher.take_in([changed("c-82")])
    stage.now += wait - 1
    assert await dispatcher.deliver_due() == 0
    stage.now += 2
    assert await dispatcher.deliver_due() == 2


@pytest.mark.parametrize("header", ["", "soon", "-5", "1e9", "\u00b2", "Mon, 99 Nov 2026 06:40:58 GMT"])
def test_a_retry_after_that_means_nothing_is_ignored(header: str) -> None:
    assert Answer(429, header).pause(0.0) is None


@pytest.mark.asyncio
async def test_a_full_queue_drops_its_oldest_deliveries_and_removals_last() -> None:
    stage = Stage()
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher(kept_at_most=3)
    for seq, record in enumerate([removed("c-0"), changed("c-1"), changed("c-2"), changed("c-3"), removed("c-4")]):
        stage.now = 1_000.0 + seq
        await dispatcher.take_in([record])
    assert stage.counted("dropped") == 2
    assert (await stage.store.counts(["crm"]))["crm"].dropped == 2
    await dispatcher.deliver_due()
    assert [json.loads(body)["data"]["customer_id"] for body, _ in stage.got] == ["c-0", "c-3", "c-4"]


@pytest.mark.asyncio
async def test_reading_waits_only_while_every_queue_is_half_full() -> None:
    stage = Stage()
    dispatcher = stage.dispatcher(kept_at_most=4)
    assert not await dispatcher.is_full()
    await stage.store.subscribe(CRM)
    await stage.store.subscribe(replace(ADS, segments=("no-*",)))
    await dispatcher.take_in([changed("c-1"), changed("c-2"), changed("c-3")])
    assert not await dispatcher.is_full()
    await stage.store.unsubscribe("ads")
    assert await dispatcher.is_full()


@pytest.mark.asyncio
async def test_an_erasure_deletes_waiting_and_parked_bodies_of_the_customer() -> None:
    stage = Stage(answers=[500] * 3)
    await stage.store.subscribe(CRM)
    await stage.store.subscribe(ADS)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed(seq=1)])
    (waiting,) = await stage.store.take("crm", stage.now, 0.0, 1)
    await stage.store.park(waiting, stage.now)
    await dispatcher.take_in([changed(seq=2), changed("c-82", seq=3), removed(ads=False)])
    assert await stage.store.parked() == []
    await dispatcher.deliver_due()
    stage.now += 100
    await dispatcher.deliver_due()
    kinds = [(json.loads(body)["type"], json.loads(body)["data"]["customer_id"]) for body, _ in stage.got]
    assert {kind for kind, customer in kinds if customer == "c-81"} == {"membership.removed"}
    assert {kind for kind, customer in kinds if customer == "c-82"} == {"membership.changed"}


@pytest.mark.asyncio
async def test_an_attempt_under_way_does_not_bring_back_the_body_of_an_erased_customer() -> None:
    stage = Stage()
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed()])
    (taken,) = await stage.store.take("crm", stage.now, LEASE_SECONDS, 1)
    await dispatcher.take_in([removed()])
    await stage.store.retry(taken, stage.now)
    await stage.store.park(taken, stage.now)
    assert (await stage.waiting(), await stage.store.parked()) == (1, [])
    await dispatcher.deliver_due()
    assert [kind for kind, _ in stage.told] == ["membership.removed"]


@pytest.mark.asyncio
@pytest.mark.parametrize("failures", [0, 1])
async def test_after_the_exit_of_a_withdrawn_consent_nothing_more_is_sent(failures: int) -> None:
    stage = Stage(answers=[500] * failures)
    await stage.store.subscribe(ADS)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed(seq=1)])
    await dispatcher.deliver_due()
    await dispatcher.take_in([changed(seq=2, ads=False, before=True, changes=())])
    for _ in range(100):
        await dispatcher.deliver_due()
        stage.now += 1
    await dispatcher.take_in([changed(seq=3, ads=False), removed(seq=4, ads=False)])
    await dispatcher.deliver_due()
    assert stage.told == [
        ("membership.changed", ["exited", "entered"]),
        ("membership.changed", ["exited", "exited"] if failures else ["exited"]),
    ]


@pytest.mark.asyncio
async def test_an_erasure_replaces_an_exit_that_is_not_delivered() -> None:
    stage = Stage()
    await stage.store.subscribe(ADS)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed(seq=2, ads=False, before=True, changes=()), removed(seq=4, ads=False)])
    await dispatcher.take_in([removed(seq=4, ads=False)])
    await dispatcher.deliver_due()
    assert stage.told == [("membership.removed", [])]


@pytest.mark.asyncio
async def test_a_redelivered_outbox_repeats_nothing_that_a_withdrawal_or_a_removal_has_closed() -> None:
    """A worker that takes over delivers the outbox again, with the (epoch, seq) of the first time."""
    stage = Stage()
    for subscriber in (CRM, ADS):
        await stage.store.subscribe(subscriber)
    dispatcher = stage.dispatcher()
    withdrawn = [changed(seq=1), changed(seq=2, ads=False, before=True, changes=())]
    outbox = [*withdrawn, removed("c-82", seq=9), changed("c-81", seq=3, before=False, changes=())]
    await dispatcher.take_in(outbox)
    await dispatcher.deliver_due()
    told = Counter(json.loads(body)["data"]["seq"] for body, _ in stage.got)
    assert told == {1: 1, 2: 1, 9: 2, 3: 1}
    await dispatcher.take_in([changed("c-82", seq=8), *outbox])
    await dispatcher.deliver_due()
    again = Counter(json.loads(body)["data"]["seq"] for body, _ in stage.got) - told
    assert again == {1: 1, 3: 1}, "1 to the shop, 3 after the withdrawal"


@pytest.mark.asyncio
async def test_a_record_that_is_no_change_record_is_counted_and_skipped() -> None:
    stage = Stage()
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([ChangeRecord(b"c-81", b"nonsense", "0-1"), changed()])
    assert (stage.counted("unreadable"), await stage.waiting()) == (1, 1)


@pytest.mark.asyncio
async def test_a_subscriber_whose_attempts_raise_harms_no_other() -> None:
    stage = Stage(answers=[UnicodeError("label too long")])
    await stage.store.subscribe(CRM)
    await stage.store.subscribe(replace(CRM, id="other"))
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed()])
    assert await dispatcher.deliver_due() == 2
    assert [await stage.waiting("crm"), await stage.waiting("other")] == [1, 0]


@pytest.mark.asyncio
async def test_a_hanging_subscriber_does_not_delay_another() -> None:
    """The dispatcher runs as in production; the hanging subscriber has more deliveries than attempts at once."""
    store, healthy, hang = MemoryWebhookStore(), list[bytes](), asyncio.Event()

    async def post(subscriber: Subscriber, body: bytes, _: Mapping[str, str]) -> Answer:
        if subscriber.id == "hanging":
            await hang.wait()
        healthy.append(body)
        return Answer(200)

    await store.subscribe(replace(CRM, id="hanging"))
    await store.subscribe(CRM)
    dispatcher = Dispatcher(store, post, Metrics(), time.time)
    await dispatcher.take_in([changed(f"c-{number}") for number in range(5 * AT_ONCE)])
    running = asyncio.create_task(dispatcher.run())
    try:
        async with asyncio.timeout(5):
            while len(healthy) < 5 * AT_ONCE:
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.asyncio
async def test_a_queue_that_cannot_be_read_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(MemoryWebhookStore):
        async def take(self, subscriber_id: str, now: float, lease_seconds: float, count: int) -> list[Delivery]:
            if subscriber_id == "broken":
                raise ValueError("not a delivery")
            return await super().take(subscriber_id, now, lease_seconds, count)

    stage = Stage(store=Broken(), now=time.time())
    for subscriber in (replace(CRM, id="broken"), CRM):
        await stage.store.subscribe(subscriber)
    dispatcher = stage.dispatcher()
    running = asyncio.create_task(dispatcher.run())
    try:
        async with asyncio.timeout(5):
            while "the lane to broken waits for" not in caplog.text:
                await asyncio.sleep(0.01)
            await dispatcher.take_in([changed()])
            while not stage.got:
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.asyncio
async def test_a_changed_subscriber_is_called_at_its_new_address_and_a_new_one_too() -> None:
    store, called = MemoryWebhookStore(), list[str]()

    async def post(subscriber: Subscriber, _: bytes, __: Mapping[str, str]) -> Answer:
        called.append(subscriber.url)
        return Answer(200)

    await store.subscribe(CRM)
    dispatcher = Dispatcher(store, post, Metrics(), time.time)
    running = asyncio.create_task(dispatcher.run())
    try:
        async with asyncio.timeout(10):
            await asyncio.sleep(0.1)
            await store.subscribe(replace(CRM, url="https://crm.example/new"))
            await store.subscribe(replace(CRM, id="other", url="https://other.example/"))
            await asyncio.sleep(1.5)
            await dispatcher.take_in([changed()])
            while len(called) < 2:
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert sorted(called) == ["https://crm.example/new", "https://other.example/"]
