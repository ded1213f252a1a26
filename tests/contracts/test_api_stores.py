"""The contracts of what the API keeps: keys, tickets, change notices, and the view of ad servers."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio

from streamseg.embedded import RedisServer
from streamseg.membership.encoding import encode
from streamseg.membership.types import Consent, Membership, OutboxEntry, SegmentMembership
from streamseg.ports import (
    ApiKey,
    ApiKeyStore,
    ChangeNotices,
    Delivery,
    MembershipStore,
    ModelStore,
    Subscriber,
    TicketStore,
    WebhookStore,
)
from streamseg.settings import RedisSettings
from streamseg.store.ads_mirror import AdsMirror
from streamseg.store.key_names import ADS_PREFIX
from streamseg.store.memory import (
    MemoryApiKeyStore,
    MemoryChangeNotices,
    MemoryMembershipStore,
    MemoryModelStore,
    MemoryTicketStore,
    MemoryWebhookStore,
)
from streamseg.store.redis import RedisMembershipStore, RedisModelStore, connect
from streamseg.store.redis.api_key_store import RedisApiKeyStore
from streamseg.store.redis.change_notices import RedisChangeNotices
from streamseg.store.redis.ticket_store import RedisTicketStore
from streamseg.store.redis.webhook_store import RedisWebhookStore

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

KEY = ApiKey("key-1", "shop", "secret", "ab" * 32, 100)


@dataclass
class Kept:
    """One implementation of each port."""

    keys: ApiKeyStore
    tickets: TicketStore
    notices: ChangeNotices
    memberships: MembershipStore
    views: MembershipStore
    models: ModelStore
    webhooks: WebhookStore
    write: Callable[[OutboxEntry], Awaitable[None]]
    """Writes a membership as a worker does."""


@pytest_asyncio.fixture(params=["memory", "redis", "cluster"])
async def kept(request: pytest.FixtureRequest) -> AsyncIterator[Kept]:
    if request.param == "memory":
        notices, memberships = MemoryChangeNotices(), MemoryMembershipStore(ttl_seconds=1_000)

        async def write(entry: OutboxEntry) -> None:
            await memberships.write([entry])
            notices.written(entry.customer_id)

        views = MemoryMembershipStore(ttl_seconds=1_000)
        yield Kept(
            MemoryApiKeyStore(),
            MemoryTicketStore(),
            notices,
            memberships,
            views,
            MemoryModelStore(),
            MemoryWebhookStore(),
            write,
        )
        return
    url = request.getfixturevalue("redis_url" if request.param == "redis" else "cluster_url")
    client = connect(RedisSettings(url=url))
    await client.flushdb()
    listener = RedisChangeNotices(client)
    store = RedisMembershipStore(client, ttl_seconds=1_000)
    try:
        async with listener.listening():
            await asyncio.sleep(0.1)
            yield Kept(
                RedisApiKeyStore(client),
                RedisTicketStore(client),
                listener,
                store,
                RedisMembershipStore(client, ttl_seconds=1_000, prefix=ADS_PREFIX),
                RedisModelStore(client),
                RedisWebhookStore(client),
                lambda entry: store.write([entry]),
            )
    finally:
        await client.aclose()


async def test_keys_are_added_replaced_listed_and_removed(kept: Kept) -> None:
    other = ApiKey("key-0", "page", "publishable", "cd" * 32, 99, 500)
    await kept.keys.put(KEY)
    await kept.keys.put(other)
    assert await kept.keys.all() == [other, KEY]
    await kept.keys.put(replace(KEY, expires=7))
    assert (await kept.keys.all())[1].expires == 7
    assert await kept.keys.remove("key-1") is True
    assert await kept.keys.remove("key-1") is False
    assert await kept.keys.all() == [other]


@pytest.mark.parametrize("outage", ["killed", "frozen"])
async def test_after_an_outage_watchers_are_woken_and_told_again(
    start_redis_server: Callable[[], RedisServer], outage: str
) -> None:
    server = start_redis_server()
    client = connect(RedisSettings(url=server.url, timeout_seconds=0.2))
    notices = RedisChangeNotices(client, silence_seconds=0.3)
    writer = connect(RedisSettings(url=server.url))
    store = RedisMembershipStore(writer, ttl_seconds=1_000)
    try:
        async with notices.listening(), notices.watch("c-1") as changed:
            await asyncio.sleep(0.5)
            changed.clear()
            if outage == "killed":
                server.restart()
            else:
                server.pause()
                await asyncio.sleep(1.5)
                server.resume()
            async with asyncio.timeout(5):
                await changed.wait()
            await asyncio.sleep(0.5)
            changed.clear()
            await store.write([entry("c-1", 1)])
            async with asyncio.timeout(1):
                await changed.wait()
    finally:
        await client.aclose()
        await writer.aclose()


async def test_a_watcher_is_woken_once_the_store_listens_for_it(clean_redis: str) -> None:
    client = connect(RedisSettings(url=clean_redis))
    notices = RedisChangeNotices(client)
    try:
        async with notices.listening(), notices.watch("c-0"):
            await asyncio.sleep(0.3)  # the connection stands
            async with notices.watch("c-1") as changed, asyncio.timeout(2):
                await changed.wait()
    finally:
        await client.aclose()


async def test_a_ticket_leads_to_its_customer_more_than_once(kept: Kept) -> None:
    ticket = await kept.tickets.issue("c-é", 100)
    assert [await kept.tickets.redeem(ticket), await kept.tickets.redeem(ticket)] == ["c-é", "c-é"]
    assert await kept.tickets.redeem("t-2") is None


async def test_a_customer_who_asks_again_has_the_same_ticket_and_nobody_else_has(kept: Kept) -> None:
    day = 10_000_000_000
    ticket = await kept.tickets.issue("c-1", day)
    assert await kept.tickets.issue("c-1", day) == ticket
    assert await kept.tickets.issue("c-2", day) != ticket
    assert await kept.tickets.issue("c-1", day + 1) == ticket  # the same period


async def test_processes_that_share_a_store_give_the_same_ticket(clean_redis: str) -> None:
    client = connect(RedisSettings(url=clean_redis))
    try:
        first, second = RedisTicketStore(client), RedisTicketStore(client)
        assert await first.issue("c-1", 86_400) == await second.issue("c-1", 86_400)
    finally:
        await client.aclose()


async def test_a_ticket_ends(kept: Kept) -> None:
    ticket = await kept.tickets.issue("c-1", 1)
    await asyncio.sleep(1.1)
    assert await kept.tickets.redeem(ticket) is None


async def test_only_who_watches_the_customer_is_told(kept: Kept) -> None:
    async with kept.notices.watch("c-1") as first, kept.notices.watch("c-1") as second:
        async with kept.notices.watch("c-2") as other:
            await asyncio.sleep(0.1)
            for event in (first, second, other):
                event.clear()
            await kept.write(entry("c-1", 1))
            async with asyncio.timeout(1):
                await first.wait()
                await second.wait()
            assert not other.is_set()
        first.clear()
        await kept.write(entry("c-1", 2))
        async with asyncio.timeout(1):
            await first.wait()


def entry(customer_id: str, seq: int, *, ads: bool = True, segment: str | None = "behaviour-k7q2") -> OutboxEntry:
    standing = None if segment is None else SegmentMembership(segment, 5, 0.5)
    membership = Membership(customer_id, 7, seq, 100, {}, {"behaviour": standing}, Consent(ads, True))
    return OutboxEntry(customer_id, 7, seq, encode(membership))


async def with_view(kept: Kept) -> AdsMirror:
    sizes = {"behaviour-k7q2": 1_000, "behaviour-tiny": 3}
    await kept.models.write_catalogue(
        {segment: json.dumps({"segmentation": "behaviour", "size": size}).encode() for segment, size in sizes.items()}
    )
    return AdsMirror(kept.memberships, kept.views, kept.models, 50)


async def test_the_ads_view_stands_only_under_consent(kept: Kept) -> None:
    store = await with_view(kept)
    await store.write([entry("c-1", 1), entry("c-2", 1, ads=False)])
    (view, none) = await kept.views.read(["c-1", "c-2"])
    assert none is None
    assert view is not None
    assert json.loads(view) == {
        "v": 1, "customer_id": "c-1", "epoch": 7, "seq": 1, "as_of": 100, "segments": ["behaviour-k7q2"],
    }  # fmt: skip
    assert await store.read(["c-1"]) == [entry("c-1", 1).membership]


async def test_withdrawn_consent_removes_the_view_for_good(kept: Kept) -> None:
    store = await with_view(kept)
    await store.write([entry("c-1", 1)])
    await store.write([entry("c-1", 2, ads=False)])
    assert await kept.views.read(["c-1"]) == [None]
    await store.write([entry("c-1", 1)])
    assert await kept.views.read(["c-1"]) == [None]
    assert await kept.memberships.read(["c-1"]) == [entry("c-1", 2, ads=False).membership]
    await store.write([entry("c-1", 3)])
    assert await kept.views.read(["c-1"]) != [None]


async def test_consent_that_is_given_and_withdrawn_in_one_call_leaves_no_view(kept: Kept) -> None:
    store = await with_view(kept)
    await store.write([entry("c-1", 1), entry("c-2", 1, ads=False), entry("c-1", 2, ads=False)])
    assert await kept.views.read(["c-1", "c-2"]) == [None, None]
    await store.write([entry("c-1", 1)])
    assert await kept.views.read(["c-1"]) == [None]


async def test_an_erased_customer_leaves_the_view(kept: Kept) -> None:
    store = await with_view(kept)
    await store.write([entry("c-1", 1)])
    await store.write([OutboxEntry("c-1", 7, 2, None)])
    assert await kept.views.read(["c-1"]) == [None]
    assert await kept.memberships.read(["c-1"]) == [None]


@pytest.mark.parametrize("segment", ["behaviour-tiny", "behaviour-unheard", None])
async def test_small_and_unknown_segments_stay_out(kept: Kept, segment: str | None) -> None:
    store = await with_view(kept)
    await store.write([entry("c-1", 1, segment=segment)])
    assert await kept.views.read(["c-1"]) == [None]


CRM = Subscriber("crm", "https://crm.example/hook", "whsec_c2VjcmV0", ("behaviour-*",), "ads")
FIRST, SECOND = Delivery("crm", "m-1", '{"a":"é"}'), Delivery("crm", "m-2", "{}")


async def test_subscribers_come_and_go(kept: Kept) -> None:
    await kept.webhooks.subscribe(CRM)
    await kept.webhooks.subscribe(replace(CRM, url="https://crm.example/new"))
    assert [each.url for each in await kept.webhooks.subscribers()] == ["https://crm.example/new"]
    assert [await kept.webhooks.unsubscribe("crm"), await kept.webhooks.unsubscribe("crm")] == [True, False]
    assert await kept.webhooks.subscribers() == []


async def test_a_delivery_is_taken_by_one_until_its_lease_ends(kept: Kept) -> None:
    await kept.webhooks.enqueue([SECOND], 20.0)
    await kept.webhooks.enqueue([FIRST], 10.5)
    assert await kept.webhooks.take(10.0, 60, 10) == []
    assert await kept.webhooks.take(30.0, 60, 1) == [FIRST]
    assert await kept.webhooks.take(30.0, 60, 10) == [SECOND]
    assert await kept.webhooks.take(89.0, 60, 10) == []
    assert await kept.webhooks.take(91.0, 60, 10) == [FIRST, SECOND]
    await kept.webhooks.done(FIRST)
    await kept.webhooks.retry(replace(SECOND, attempts=1, reason="status 500"), 200.0)
    assert await kept.webhooks.waiting() == 1
    assert await kept.webhooks.take(200.0, 60, 10) == [replace(SECOND, attempts=1, reason="status 500")]


async def test_queueing_twice_changes_nothing(kept: Kept) -> None:
    await kept.webhooks.enqueue([FIRST], 10.0)
    await kept.webhooks.retry(replace(FIRST, attempts=1), 50.0)
    await kept.webhooks.enqueue([FIRST], 10.0)
    assert await kept.webhooks.take(20.0, 60, 10) == []
    assert await kept.webhooks.take(50.0, 60, 10) == [replace(FIRST, attempts=1)]


async def test_a_parked_delivery_stays_away_until_it_is_tried_anew(kept: Kept) -> None:
    await kept.webhooks.enqueue([FIRST], 10.0)
    await kept.webhooks.park(FIRST)
    await kept.webhooks.enqueue([FIRST], 10.0)
    assert await kept.webhooks.take(99.0, 60, 10) == []
    assert await kept.webhooks.parked() == [FIRST]
    assert [await kept.webhooks.unpark("nobody/m", 9.0), await kept.webhooks.unpark(FIRST.id, 9.0)] == [False, True]
    assert await kept.webhooks.parked() == []
    assert await kept.webhooks.take(99.0, 60, 10) == [FIRST]
