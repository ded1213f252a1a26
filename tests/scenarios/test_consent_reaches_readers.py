"""Consent reaches whoever was told: from the events of a customer to the messages of subscribers. Issue 13, item 16."""

import asyncio
import json
from dataclasses import replace

import pytest

from streamseg.membership.encoding import decode
from streamseg.ports import Subscriber
from streamseg.topics import CLICKS, CONSENTS, ERASURES, MEMBERSHIPS
from tests.support.change_records import CRM
from tests.support.gate import Gate, Point
from tests.support.partition import SNAPSHOT, OnePartition, Servers, until
from tests.support.told import told

SHOP, ADS = CRM, replace(CRM, id="ads", purpose="ads")
DAY = 86_400.0


class Story:
    """A shop with one worker and two subscribers; each step is absorbed before the next."""

    def __init__(self, gate: Gate | None = None) -> None:
        self.servers = Servers()
        self.gate = gate
        self._number = 0

    async def begin(self, **settings: float) -> None:
        await self.servers.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
        self.worker = OnePartition(self.servers, "one", self.gate, **settings)  # type: ignore[arg-type]
        await self.worker.begin()

    async def happens(self, topic: str, customer: str = "c-1", at: float | None = None, **fields: object) -> None:
        self._number += 1
        fields |= {"event_name": "view_item"} if topic == CLICKS else {}
        moment = self._number * 60.0 if at is None else at
        self.servers.log.event(topic, customer, f"event-of-{customer}-{self._number}", moment, **fields)
        await until(lambda: self.worker.is_done)

    def told(self, subscriber: Subscriber, customer: str = "c-1") -> list[str]:
        """See `tests.support.told`."""
        return told(self.servers.log.records[MEMBERSHIPS], subscriber, customer)


def run_story(*steps: tuple[str, dict[str, object]]) -> Story:
    async def go() -> Story:
        story = Story()
        await story.begin()
        for topic, fields in steps:
            await story.happens(topic, **fields)  # type: ignore[arg-type]
        await story.worker.close()
        return story

    return asyncio.run(go())


def click() -> tuple[str, dict[str, object]]:
    return CLICKS, {}


def consent(**answers: bool) -> tuple[str, dict[str, object]]:
    return CONSENTS, {"consent": answers}


def erasure() -> tuple[str, dict[str, object]]:
    return ERASURES, {}


def test_granting_enters_withdrawing_exits_once_and_nothing_follows() -> None:
    story = run_story(click(), consent(ads=True), consent(ads=False), consent(ads=False), click(), erasure())
    assert story.told(ADS) == ["entered", "exited"]
    assert story.told(SHOP) == ["entered", "removed"]


def test_a_customer_who_never_consented_is_unknown_to_ads() -> None:
    story = run_story(click(), consent(ads=False), consent(personalisation=False), erasure())
    assert story.told(ADS) == []


def test_a_customer_who_is_erased_with_consent_is_removed() -> None:
    story = run_story(click(), consent(ads=True), erasure())
    assert story.told(ADS) == ["entered", "removed"]
    (tombstone,) = [record for record in story.servers.log.records[MEMBERSHIPS] if record.value is None]
    headers = dict(tombstone.headers)
    assert headers["previous_ads"] == b"true"
    order = [
        (json.loads(record.value)["epoch"], json.loads(record.value)["seq"])
        for record in story.servers.log.records[MEMBERSHIPS]
        if record.value is not None
    ]
    assert (int(headers["epoch"] or b""), int(headers["seq"] or b"")) > max(order)


def test_a_customer_can_consent_again() -> None:
    story = run_story(consent(ads=True), click(), consent(ads=False), consent(ads=True))
    assert story.told(ADS) == ["entered", "exited", "entered"]


def test_a_consent_before_the_first_segment_is_in_the_record_of_the_entry() -> None:
    assert run_story(consent(ads=True), click()).told(ADS) == ["entered"]
    assert run_story(consent(ads=False), click()).told(ADS) == []


def test_an_expired_customer_is_removed_from_ads_only_with_consent() -> None:
    async def go() -> Story:
        story = Story()
        await story.begin(retention_seconds=4 * DAY)
        for customer, ads in (("c-1", True), ("c-2", False)):
            await story.happens(CLICKS, customer)
            await story.happens(CONSENTS, customer, consent={"ads": ads})
        for day in range(1, 8):
            await story.happens(CLICKS, "c-stays", at=day * DAY)
        await until(lambda: sum(one.value is None for one in story.servers.log.records[MEMBERSHIPS]) == 2)
        await story.worker.close()
        return story

    story = asyncio.run(go())
    assert story.told(ADS) == ["entered", "exited", "removed"]
    assert story.told(ADS, "c-2") == []
    assert story.told(SHOP, "c-2") == ["entered", "exited", "removed"]


@pytest.mark.parametrize("call", ["before flush", "after flush", "before write", "after write", "after send"])
def test_a_worker_that_is_killed_while_consent_is_withdrawn_tells_it_all_the_same(call: str) -> None:
    async def calls() -> int:
        gate = Gate()
        story = Story(gate)
        await story.begin()
        await story.happens(CLICKS)
        await story.happens(CONSENTS, consent={"ads": True})
        await story.worker.close()
        return sum(name == call for name, _ in gate.passed)

    async def go(at: Point) -> Story:
        gate = Gate(at)
        story = Story(gate)
        await story.begin()
        await story.happens(CLICKS)
        await story.happens(CONSENTS, consent={"ads": True})
        story.servers.log.event(CONSENTS, "c-1", "event-of-c-1-last", 600.0, consent={"ads": False})
        async with asyncio.timeout(20):
            await gate.stopped.wait()
        await story.worker.close()
        second = OnePartition(story.servers, "two")
        await second.begin()
        await until(lambda: second.is_done)
        await second.close()
        return story

    story = asyncio.run(go((call, asyncio.run(calls()) + 1)))
    assert story.told(ADS) == ["entered", "exited"]
    exits = {
        json.loads(record.value)["seq"]
        for record in story.servers.log.records[MEMBERSHIPS]
        if record.value is not None and b'"previous_consent":{"ads":true' in record.value
    }
    assert len(exits) == 1


def test_a_store_that_lost_a_withdrawal_does_not_tell_it_twice() -> None:
    async def go() -> Story:
        story = Story()
        await story.begin()
        await story.happens(CLICKS)
        await story.happens(CONSENTS, consent={"ads": True})
        copied = story.servers.copy_store()
        await story.happens(CONSENTS, consent={"ads": False})
        await story.worker.close()
        story.servers.go_back(copied)
        second = OnePartition(story.servers, "two")
        await second.begin()
        await until(lambda: second.is_done)
        await second.close()
        assert decode((await story.servers.memberships.read(["c-1"]))[0] or b"").consent.ads is False
        report = await story.servers.verdict()
        assert report.good, report.differences
        return story

    assert asyncio.run(go()).told(ADS) == ["entered", "exited"]
