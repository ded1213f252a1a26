"""The contract of `ChangeNotices`, on every implementation, and how outages of Redis affect it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from streamseg.embedded import RedisServer
from streamseg.membership.types import OutboxEntry
from streamseg.ports import ChangeNotices
from streamseg.store.memory import MemoryChangeNotices, MemoryMembershipStore
from streamseg.store.redis import RedisMembershipStore
from streamseg.store.redis.change_notices import RedisChangeNotices, change_notices
from tests.contracts.memberships import written
from tests.contracts.stores import TTL_SECONDS, connected, connected_to_one

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


@dataclass(frozen=True)
class Notified:
    """One implementation of the port, and a function that writes a membership as a worker does."""

    notices: ChangeNotices
    write: Callable[[OutboxEntry], Awaitable[None]]


@pytest_asyncio.fixture
async def notified(store_url: str | None) -> AsyncIterator[Notified]:
    """Each implementation of the port, listening."""
    if store_url is None:
        in_memory, memberships = MemoryChangeNotices(), MemoryMembershipStore(ttl_seconds=TTL_SECONDS)

        async def write(entry: OutboxEntry) -> None:
            await memberships.write([entry])
            in_memory.written(entry.customer_id)

        yield Notified(in_memory, write)
        return
    async with connected(store_url) as client:
        await client.flushdb()
        notices, store = change_notices(client), RedisMembershipStore(client, ttl_seconds=TTL_SECONDS)
        async with notices.listening():
            await asyncio.sleep(0.1)

            async def store_it(entry: OutboxEntry) -> None:
                await store.write([entry])

            yield Notified(notices, store_it)


async def test_only_watchers_of_the_customer_are_notified(notified: Notified) -> None:
    notices = notified.notices
    async with notices.watch("c-1") as first, notices.watch("c-1") as second:
        async with notices.watch("c-2") as other:
            await asyncio.sleep(0.1)
            for event in (first, second, other):
                event.clear()
            await notified.write(written("c-1", 1))
            async with asyncio.timeout(1):
                await first.wait()
                await second.wait()
            assert not other.is_set()
        first.clear()
        await notified.write(written("c-1", 2))
        async with asyncio.timeout(1):
            await first.wait()


async def test_a_watcher_is_woken_when_its_subscription_begins(clean_redis: str) -> None:
    async with connected_to_one(clean_redis) as client:
        notices = RedisChangeNotices(client)
        async with notices.listening(), notices.watch("c-0"):
            await asyncio.sleep(0.3)  # until it is connected
            async with notices.watch("c-1") as changed, asyncio.timeout(2):
                await changed.wait()


@pytest.mark.parametrize("outage", ["killed", "frozen"])
async def test_after_an_outage_watchers_are_woken_and_notified_again(
    start_redis_server: Callable[[], RedisServer], outage: str
) -> None:
    server = start_redis_server()
    async with connected_to_one(server.url, timeout_seconds=0.2) as client, connected(server.url) as writer:
        notices = RedisChangeNotices(client, silence_seconds=0.3)
        store = RedisMembershipStore(writer, ttl_seconds=TTL_SECONDS)
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
            await store.write([written("c-1", 1)])
            async with asyncio.timeout(1):
                await changed.wait()
