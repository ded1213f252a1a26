"""The client on a real Cluster and behind real Sentinels, with the rights of deploy/redis/readers.acl only."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from streamseg.client import AsyncReader, Reader
from streamseg.embedded import RedisServer
from streamseg.membership.encoding import encode
from streamseg.membership.types import OutboxEntry
from streamseg.store import key_names as keys
from streamseg.store.redis import RedisMembershipStore
from streamseg.store.redis.servers.slots import slot_of
from tests.contracts.stores import connected
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_sentinel import WatchedRedis
from tests.support.served_api import membership_of

pytestmark = pytest.mark.integration

ACL = Path("deploy/redis/readers.acl")
CUSTOMERS = [f"c-{number}" for number in range(40)]
SECONDS = 30


def write(url: str, segment: str, seq: int, customers: list[str] = CUSTOMERS) -> None:
    """Write memberships as a worker does, also while a node changes."""

    async def go() -> None:
        async with connected(url, timeout_seconds=1.0) as client:
            store = RedisMembershipStore(client, ttl_seconds=3_600)
            entries = [membership_of(one, segment, seq=seq) for one in customers]
            await store.write([OutboxEntry(one.customer_id, one.epoch, one.seq, encode(one)) for one in entries])

    asyncio.run(go())


def add_readers(servers: list[RedisServer]) -> None:
    """Add the users of deploy/redis/readers.acl to each server."""
    lines = [line.split() for line in ACL.read_text().splitlines() if line.startswith("user ")]
    for server in servers:
        with redis.Redis(port=server.port) as client:
            for _, name, *rules in lines:
                kept = [rule for rule in rules if not rule.startswith("#")]
                client.execute_command("ACL", "SETUSER", name, "reset", ">secret", *kept)


def as_user(url: str, name: str) -> str:
    return url.replace("://", f"://{name}:secret@", 1)


def until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.02)


def reads(read: Callable[[], Any], wanted: Any) -> bool:
    try:
        return bool(read() == wanted)
    except redis.RedisError:
        return False


@pytest.fixture
def cluster() -> Iterator[RedisCluster]:
    """Three primaries and three replicas with readers' users, and memberships."""
    with RedisCluster() as nodes:
        add_readers(nodes.nodes)
        write(nodes.url, "behaviour-a", 1)
        yield nodes


@pytest.fixture
def watched() -> Iterator[WatchedRedis]:
    """A primary and a replica with readers' users behind Sentinels with a password, and memberships."""
    with WatchedRedis(password="of-the-sentinels") as servers:
        add_readers(servers.servers)
        write(f"redis://127.0.0.1:{servers.primary().port}/0", "behaviour-a", 1)
        yield servers


def test_a_cluster_is_read_with_a_readers_rights(cluster: RedisCluster) -> None:
    with Reader(as_user(cluster.url, "service"), timeout_seconds=1.0) as reader:
        found = reader.many([*CUSTOMERS, "nobody"])
    assert {one.segments for name, one in found.items() if name != "nobody"} == {("behaviour-a",)}
    assert not found["nobody"].known
    with Reader(as_user(cluster.url, "bidder"), view="ads", timeout_seconds=1.0) as reader:
        assert not reader.one("c-1").known
    with Reader(as_user(cluster.url, "bidder"), timeout_seconds=1.0) as reader, pytest.raises(redis.RedisError):
        reader.one("c-1")


@pytest.mark.parametrize("change", ["failover", "killed"])
def test_a_cached_answer_is_dropped_at_a_notice_of_a_cluster_also_after_a_failover(
    cluster: RedisCluster, change: str
) -> None:
    url = as_user(cluster.url, "service")
    with Reader(url, cache_seconds=600, notices=True, timeout_seconds=1.0) as reader:

        def cached() -> bool:
            reads(lambda: reader.segments("c-1"), None)
            return reader._cache.get("c-1") is not None

        until(cached)
        write(cluster.url, "behaviour-b", 2)
        until(lambda: reader.segments("c-1") == ("behaviour-b",))
        until(cached)
        node = cluster.serving(slot_of(keys.membership("c-1").encode()))
        if change == "killed":
            assert cluster.ask(node, "WAIT", 1, 5_000) == 1
            node.kill()
            until(lambda: len(cluster.primaries()) == 3)
            cluster.wait_until_whole()
        else:
            cluster.fail_over(node)
        write(cluster.url, "behaviour-c", 3)
        until(lambda: reads(lambda: reader.segments("c-1"), ("behaviour-c",)))
        until(cached)
        write(cluster.url, "behaviour-d", 4)
        until(lambda: reads(lambda: reader.segments("c-1"), ("behaviour-d",)))


def test_no_more_channels_are_subscribed_than_answers_are_cached(cluster: RedisCluster) -> None:
    url = as_user(cluster.url, "service")
    with Reader(url, cache_seconds=600, cache_size=10, notices=True, timeout_seconds=1.0) as reader:
        ends = time.monotonic() + 3
        while time.monotonic() < ends:
            reader.many(CUSTOMERS)
            time.sleep(0.05)
        shards = reader._shards
        assert shards is not None
        assert 0 < len(shards._subscribed) <= 10


@pytest.mark.asyncio
async def test_the_asyncio_reader_reads_a_cluster_and_takes_its_notices(cluster: RedisCluster) -> None:
    url = as_user(cluster.url, "service")
    async with (
        asyncio.timeout(SECONDS),
        AsyncReader(url, cache_seconds=600, notices=True, timeout_seconds=1.0) as reader,
    ):
        found = await reader.many(CUSTOMERS)
        assert {one.segments for one in found.values()} == {("behaviour-a",)}
        while reader._cache.get("c-1") is None:
            await reader.segments("c-1")
            await asyncio.sleep(0.02)
        await asyncio.to_thread(write, cluster.url, "behaviour-b", 2)
        while await reader.segments("c-1") != ("behaviour-b",):
            await asyncio.sleep(0.02)


def test_behind_sentinels_reads_and_notices_go_on_after_a_failover(watched: WatchedRedis) -> None:
    url = as_user(watched.url, "service")
    options: dict[str, Any] = {"sentinel_password": "of-the-sentinels", "timeout_seconds": 1.0}
    with Reader(url, cache_seconds=600, notices=True, **options) as reader:
        until(lambda: reads(lambda: reader.segments("c-1"), ("behaviour-a",)))
        watched.fail_over()
        primary = f"redis://127.0.0.1:{watched.primary().port}/0"
        write(primary, "behaviour-b", 2)
        until(lambda: reads(lambda: reader.segments("c-1"), ("behaviour-b",)))
    with Reader(url, sentinel_password="another", timeout_seconds=1.0) as reader, pytest.raises(redis.RedisError):
        reader.one("c-1")


@pytest.mark.asyncio
async def test_the_asyncio_reader_reads_behind_sentinels(watched: WatchedRedis) -> None:
    url = as_user(watched.url, "service")
    async with AsyncReader(url, sentinel_password="of-the-sentinels", timeout_seconds=1.0) as reader:
        found = await reader.many(CUSTOMERS)
        assert {one.segments for one in found.values()} == {("behaviour-a",)}
