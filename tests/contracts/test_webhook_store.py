"""The contract of `WebhookStore`, on every implementation. Issue 13, items 16 and 17."""

from dataclasses import replace

import pytest

from streamseg.ports import Closed, Delivery, QueueCounts, Subscriber
from tests.contracts.stores import Stores

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

CRM = Subscriber("crm", "https://crm.example/hook", "whsec_c2VjcmV0", ("behaviour-*",), "ads")
OTHER = replace(CRM, id="other/one")
FIRST, SECOND = Delivery("crm", "aa-7-1", '{"a":"é"}'), Delivery("crm", "bb-7-2", "{}")
LIMIT = 100


async def test_subscribers_come_and_go(stores: Stores) -> None:
    await stores.webhooks.subscribe(CRM)
    await stores.webhooks.subscribe(replace(CRM, url="https://crm.example/new"))
    assert [each.url for each in await stores.webhooks.subscribers()] == ["https://crm.example/new"]
    assert [await stores.webhooks.unsubscribe("crm"), await stores.webhooks.unsubscribe("crm")] == [True, False]
    assert await stores.webhooks.subscribers() == []


async def test_a_delivery_is_taken_by_one_until_its_lease_ends(stores: Stores) -> None:
    await stores.webhooks.subscribe(CRM)
    await stores.webhooks.enqueue([SECOND], 20.0, LIMIT)
    await stores.webhooks.enqueue([FIRST], 10.5, LIMIT)
    assert await stores.webhooks.take("crm", 10.0, 60, 10) == []
    assert await stores.webhooks.take("crm", 30.0, 60, 1) == [FIRST]
    assert await stores.webhooks.take("crm", 30.0, 60, 10) == [SECOND]
    assert await stores.webhooks.take("crm", 89.0, 60, 10) == []
    assert await stores.webhooks.take("crm", 91.0, 60, 10) == [FIRST, SECOND]
    await stores.webhooks.done(FIRST)
    await stores.webhooks.retry(replace(SECOND, attempts=1, reason="status 500"), 200.0)
    assert await stores.webhooks.counts(["crm"]) == {"crm": QueueCounts(waiting=1)}
    assert await stores.webhooks.take("crm", 200.0, 60, 10) == [replace(SECOND, attempts=1, reason="status 500")]


async def test_each_subscriber_has_a_queue_of_its_own(stores: Stores) -> None:
    for subscriber in (CRM, OTHER):
        await stores.webhooks.subscribe(subscriber)
    theirs = replace(FIRST, subscriber=OTHER.id)
    await stores.webhooks.enqueue([FIRST, theirs, SECOND], 10.0, LIMIT)
    assert await stores.webhooks.take(OTHER.id, 20.0, 60, 10) == [theirs]
    await stores.webhooks.park(theirs, 30.0)
    assert await stores.webhooks.counts(["crm", OTHER.id]) == {"crm": QueueCounts(2), OTHER.id: QueueCounts(parked=1)}
    assert await stores.webhooks.unsubscribe("crm")
    assert await stores.webhooks.counts(["crm", OTHER.id]) == {"crm": QueueCounts(), OTHER.id: QueueCounts(parked=1)}
    assert await stores.webhooks.unpark(theirs.id, 9.0)
    assert await stores.webhooks.take(OTHER.id, 20.0, 60, 10) == [theirs]


async def test_nothing_is_queued_for_a_subscriber_that_does_not_exist(stores: Stores) -> None:
    await stores.webhooks.enqueue([FIRST], 10.0, LIMIT)
    await stores.webhooks.subscribe(CRM)
    assert await stores.webhooks.take("crm", 20.0, 60, 10) == []


async def test_queueing_twice_changes_nothing(stores: Stores) -> None:
    await stores.webhooks.subscribe(CRM)
    await stores.webhooks.enqueue([FIRST], 10.0, LIMIT)
    await stores.webhooks.retry(replace(FIRST, attempts=1), 50.0)
    await stores.webhooks.enqueue([FIRST], 10.0, LIMIT)
    assert await stores.webhooks.take("crm", 20.0, 60, 10) == []
    assert await stores.webhooks.take("crm", 50.0, 60, 10) == [replace(FIRST, attempts=1)]


async def test_a_parked_delivery_is_not_taken_until_it_is_unparked(stores: Stores) -> None:
    await stores.webhooks.subscribe(CRM)
    await stores.webhooks.enqueue([FIRST], 10.0, LIMIT)
    assert not await stores.webhooks.unpark(FIRST.id, 9.0)
    await stores.webhooks.park(FIRST, 20.0)
    await stores.webhooks.enqueue([FIRST], 10.0, LIMIT)
    assert await stores.webhooks.take("crm", 99.0, 60, 10) == []
    assert await stores.webhooks.parked() == [FIRST]
    assert [await stores.webhooks.unpark("nobody/m", 9.0), await stores.webhooks.unpark(FIRST.id, 9.0)] == [False, True]
    assert await stores.webhooks.parked() == []
    assert await stores.webhooks.take("crm", 99.0, 60, 10) == [FIRST]


async def test_above_the_limit_the_oldest_are_dropped_and_urgent_ones_last(stores: Stores) -> None:
    await stores.webhooks.subscribe(CRM)
    urgent = [Delivery("crm", f"u-7-{number}", "{}", urgent=True) for number in range(3)]
    usual = [Delivery("crm", f"m-7-{number}", "{}") for number in range(4)]
    assert await stores.webhooks.enqueue([urgent[0]], 1.0, 3) == {}
    assert await stores.webhooks.enqueue([usual[0]], 2.0, 3) == {}
    await stores.webhooks.park(usual[0], 3.0)
    assert await stores.webhooks.enqueue([usual[1]], 4.0, 3) == {}
    assert await stores.webhooks.enqueue([usual[2]], 5.0, 3) == {"crm": 1}
    assert await stores.webhooks.parked() == []
    assert await stores.webhooks.enqueue([urgent[1], urgent[2]], 6.0, 3) == {"crm": 2}
    assert await stores.webhooks.enqueue([usual[3]], 7.0, 3) == {"crm": 1}, "nothing urgent makes room for it"
    assert await stores.webhooks.take("crm", 10.0, 60, 10) == urgent
    assert await stores.webhooks.counts(["crm"]) == {"crm": QueueCounts(waiting=3, dropped=4)}


async def test_the_deliveries_of_a_customer_are_found_and_forgotten(stores: Stores) -> None:
    for subscriber in (CRM, OTHER):
        await stores.webhooks.subscribe(subscriber)
    latest, longer = replace(FIRST, message_id="aa-7-3"), replace(FIRST, message_id="aaa-7-1")
    theirs = replace(FIRST, subscriber=OTHER.id)
    await stores.webhooks.enqueue([FIRST, latest, longer, SECOND, theirs], 10.0, LIMIT)
    await stores.webhooks.park(FIRST, 20.0)
    assert await stores.webhooks.of_customer("aa", ["crm", "nobody"]) == [FIRST, latest]
    await stores.webhooks.forget("aa", ["crm", "nobody"], keep="aa-7-3")
    assert await stores.webhooks.parked() == []
    assert await stores.webhooks.of_customer("aa", ["crm", OTHER.id]) == [latest, theirs]
    assert len(await stores.webhooks.take("crm", 20.0, 60, 10)) == 3


async def test_a_deleted_delivery_is_not_stored_again_by_its_attempt(stores: Stores) -> None:
    await stores.webhooks.subscribe(CRM)
    await stores.webhooks.enqueue([FIRST], 10.0, LIMIT)
    assert await stores.webhooks.take("crm", 20.0, 60, 10) == [FIRST]
    await stores.webhooks.forget("aa", ["crm"], keep="")
    await stores.webhooks.retry(FIRST, 20.0)
    await stores.webhooks.park(FIRST, 20.0)
    await stores.webhooks.done(FIRST)
    assert await stores.webhooks.counts(["crm"]) == {"crm": QueueCounts()}


async def test_an_ended_subscription_parks_its_deliveries(stores: Stores) -> None:
    await stores.webhooks.subscribe(CRM)
    await stores.webhooks.enqueue([FIRST, SECOND], 10.0, LIMIT)
    await stores.webhooks.park(FIRST, 10.0)
    assert not await stores.webhooks.end(replace(CRM, url="https://crm.example/former"), "status 410")
    assert await stores.webhooks.end(CRM, "status 410")
    assert await stores.webhooks.subscribers() == [replace(CRM, ended="status 410")]
    assert await stores.webhooks.parked() == [FIRST, SECOND]
    assert await stores.webhooks.take("crm", 99.0, 60, 10) == []
    assert not await stores.webhooks.end(OTHER, "status 410")


async def test_what_is_closed_is_kept_by_customer(stores: Stores) -> None:
    assert await stores.webhooks.closed([]) == {}
    await stores.webhooks.close("aa", Closed(withdrawn=(7, 2)))
    await stores.webhooks.close("aa", Closed((2**53, 9), (7, 2)))
    assert await stores.webhooks.closed(["bb", "aa"]) == {"aa": Closed((2**53, 9), (7, 2))}


async def test_deliveries_that_were_parked_long_ago_end(stores: Stores) -> None:
    await stores.webhooks.subscribe(CRM)
    await stores.webhooks.enqueue([FIRST, SECOND], 10.0, LIMIT)
    await stores.webhooks.park(FIRST, 20.0)
    await stores.webhooks.park(SECOND, 30.5)
    assert await stores.webhooks.end_parked(["crm", "nobody"], 30.5) == 1
    assert await stores.webhooks.end_parked(["crm"], 30.5) == 0
    assert await stores.webhooks.parked() == [SECOND]
    assert await stores.webhooks.of_customer("aa", ["crm"]) == []
    await stores.webhooks.enqueue([FIRST], 40.0, LIMIT)
    assert await stores.webhooks.take("crm", 50.0, 60, 10) == [FIRST]
