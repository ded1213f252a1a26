"""The stores behind real Sentinels: after a failover the new primary is written, and the URL is checked before."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from streamseg.errors import SettingsError, StoreUnavailableError
from streamseg.ports import Flush
from streamseg.settings import RedisSettings
from streamseg.store.redis import RedisMembershipStore, RedisStateStore
from streamseg.store.redis.change_notices import RedisChangeNotices
from tests.contracts.memberships import written
from tests.contracts.stores import connected, connected_to_one
from tests.contracts.writer import RECOVERY_SECONDS, Writer, under_load
from tests.support.redis_sentinel import WatchedRedis

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

NOW_MS = 1_795_415_000_123


@pytest.fixture
def watched() -> Iterator[WatchedRedis]:
    """A primary, a replica and three Sentinels."""
    with WatchedRedis() as servers:
        yield servers


async def test_a_failover_under_load_loses_and_doubles_nothing(watched: WatchedRedis) -> None:
    """By hand the Sentinel waits for no one, so a write may fall between: what the replica had is gone on with."""
    async with connected(watched.url, timeout_seconds=1.0) as client:
        await RedisStateStore(client).check()
        state, memberships = RedisStateStore(client), RedisMembershipStore(client, ttl_seconds=1_000)
        writers = [Writer(state, memberships, partition) for partition in (1, 2, 3)]
        for writer in writers:
            await writer.claim()
        await under_load(writers, lambda: None)
        before = watched.primary()
        assert await client.execute_command("WAIT", 1, 5_000) == 1
        await asyncio.to_thread(before.kill)
        async with asyncio.timeout(RECOVERY_SECONDS), asyncio.TaskGroup() as tasks:
            for writer in writers:
                tasks.create_task(writer.write())
        for writer in writers:
            await writer.check()
        assert all(writer.failures for writer in writers)
        assert watched.primary() is not before


async def test_a_demoted_primary_is_left_at_its_first_refusal(watched: WatchedRedis) -> None:
    """Its connections stay open, so READONLY is all that tells."""
    async with connected_to_one(watched.url, timeout_seconds=1.0) as client:
        state = RedisStateStore(client)
        claimed = await state.claim(1, "w-1", "layout", NOW_MS)
        before = watched.primary()
        await asyncio.to_thread(watched.fail_over)
        number, refusals = claimed.flush_number, 0
        async with asyncio.timeout(RECOVERY_SECONDS):
            while True:
                try:
                    await state.flush(1, Flush("w-1", number, [("c-1", b"row")]))
                except StoreUnavailableError:
                    refusals += 1
                    await asyncio.sleep(0.05)
                else:
                    break
        assert watched.primary() is not before
        async with connected_to_one(watched.primary().url) as direct:
            assert await RedisStateStore(direct).load(1, ["c-1"]) == [b"row"]


async def test_notices_go_on_after_a_failover(watched: WatchedRedis) -> None:
    async with connected_to_one(watched.url, timeout_seconds=1.0) as client, connected(watched.url) as writing:
        notices, store = RedisChangeNotices(client, silence_seconds=0.3), RedisMembershipStore(writing, ttl_seconds=60)
        async with notices.listening(), notices.watch("c-1") as changed, asyncio.timeout(RECOVERY_SECONDS):
            await changed.wait()
            before = watched.primary()
            await asyncio.to_thread(before.kill)
            await asyncio.to_thread(watched.wait_for_another_than, before)
            for seq in range(1, 1_000):
                changed.clear()
                try:
                    await store.write([written("c-1", seq)])
                    async with asyncio.timeout(0.5):
                        await changed.wait()
                        break
                except (StoreUnavailableError, TimeoutError):
                    await asyncio.sleep(0.05)
            assert changed.is_set()


async def test_many_lookups_at_once_forget_no_sentinel(watched: WatchedRedis) -> None:
    """In redis-py they overwrite each other in its list when the first Sentinel is away."""
    watched.sentinels[0].kill()
    async with connected_to_one(watched.url) as client:
        state = RedisStateStore(client)
        await asyncio.gather(*(state.metadata(partition) for partition in range(30)))
        pool: Any = client.connection_pool
        asked = {one.connection_pool.connection_kwargs["port"] for one in pool.sentinel_manager.sentinels}
        assert asked == {sentinel.port for sentinel in watched.sentinels}


async def test_sentinels_with_a_password_of_their_own_are_asked_with_it() -> None:
    with WatchedRedis(password="of-the-sentinels") as watched:
        async with connected(watched.url, sentinel_password="of-the-sentinels") as client:
            state = RedisStateStore(client)
            await state.check()
            assert (await state.claim(1, "w-1", "layout", NOW_MS)).owner == "w-1"
        for wrong in ({}, {"sentinel_password": "another"}):
            async with connected(watched.url, timeout_seconds=1.0, **wrong) as client:
                with pytest.raises((SettingsError, StoreUnavailableError)):
                    await RedisStateStore(client).check()


async def test_a_password_of_sentinels_is_shown_to_nobody_and_needs_sentinels() -> None:
    url = "redis+sentinel://one/shop"
    settings = RedisSettings(url=url, sentinel_username="reader", sentinel_password="of-the-sentinels")
    assert "of-the-sentinels" not in f"{settings!r} {settings.model_dump_json()}"
    with pytest.raises(ValidationError, match="need a redis\\+sentinel:// url"):
        RedisSettings(url="redis://one", sentinel_password="word")
    with pytest.raises(ValidationError, match="needs sentinel_password"):
        RedisSettings(url=url, sentinel_username="reader")


async def test_an_unknown_primary_is_named(watched: WatchedRedis) -> None:
    async with connected(watched.url.replace("/shop/", "/another/"), timeout_seconds=1.0) as client:
        with pytest.raises((SettingsError, StoreUnavailableError), match=r"^[^\n]*'another'[^\n]*$"):
            await RedisStateStore(client).check()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis+sentinel://one:26379,two:26379", "must name the primary as Sentinel does"),
        ("redis+sentinel://one:26379/shop/0/1", "must name the primary as Sentinel does"),
        ("rediss+sentinel:///shop", "names no host"),
        ("redis+sentinel://one:99999/shop", "the port must be a number from 1 to 65535"),
        ("redis+cluster://one:6379,two:0", "the port must be a number from 1 to 65535"),
        ("redis+cluster://one:6379/3", "a Cluster has database 0 only"),
        ("redis://one:6379,two:6379/0", "names several hosts"),
    ],
)
async def test_a_wrong_address_is_refused_with_one_line(url: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        RedisSettings(url=url)


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://one,two:26380/shop",
        "rediss+sentinel://user:word@one/shop/2",
        "rediss+cluster://one,two:7000/0",
    ],
)
async def test_several_hosts_are_accepted(url: str) -> None:
    assert RedisSettings(url=url).url == url
