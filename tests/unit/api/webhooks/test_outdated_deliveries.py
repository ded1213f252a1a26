"""An erasure or a withdrawn consent deletes the deliveries that it outdates, and no message follows it."""

import json
from collections import Counter

import pytest

from streamseg.api.webhooks.lane import LEASE_SECONDS
from tests.support.change_records import CRM, changed, removed
from tests.support.webhook_stage import ADS, Stage


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
