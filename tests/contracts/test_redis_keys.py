"""Keys in Redis: their slots, their lifetimes, and who may read them."""

from collections.abc import Callable

import pytest
import redis as blocking_redis
from redis.crc import key_slot

from streamseg.embedded import RedisServer
from streamseg.membership.types import OutboxEntry
from streamseg.ports import Flush
from streamseg.store import key_names as keys
from streamseg.store.limits_and_refusals import DELETION_MARK_SECONDS
from streamseg.store.redis import RedisMembershipStore, RedisStateStore
from tests.contracts.memberships import written
from tests.contracts.stores import connected, connected_to_one

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

NOW_MS = 1_795_415_000_123


def gone(customer_id: str) -> str:
    return f"ssg:v1:gone:{{ssg:v1:m:{customer_id}}}"


async def test_readers_need_no_more_than_the_documented_grant(start_redis_server: Callable[..., RedisServer]) -> None:
    server = start_redis_server()
    async with connected(server.url) as client:
        await RedisMembershipStore(client, ttl_seconds=60).write([written("c-1", 1), written("c-2", 1)])
        await RedisStateStore(client).claim(3, "w-1", "layout", NOW_MS)
        await client.execute_command("ACL", "SETUSER", "bidder", "on", ">bid", "+get", "+mget", "~ssg:v1:m:*")
    with blocking_redis.Redis.from_url(server.url, username="bidder", password="bid", protocol=2) as bidder:
        assert bidder.get("ssg:v1:m:c-1") == written("c-1", 1).membership
        assert bidder.mget("ssg:v1:m:c-2", "ssg:v1:m:c-3") == [written("c-2", 1).membership, None]
        attempts: list[Callable[[], object]] = [
            lambda: bidder.set("ssg:v1:m:c-1", "mine"),
            lambda: bidder.get("ssg:v1:part:{3}"),
            lambda: bidder.hgetall("ssg:v1:row:{3}:0"),
            lambda: bidder.execute_command("SCAN", 0),
            lambda: bidder.get("ssg:v1:gone:{ssg:v1:m:c-1}"),
        ]
        for forbidden in attempts:
            with pytest.raises(blocking_redis.exceptions.NoPermissionError):
                forbidden()


async def test_a_partition_shares_one_slot_and_memberships_spread(partition: int) -> None:
    private = [
        keys.metadata(partition),
        keys.outbox(partition),
        keys.flows(partition, 399),
        keys.due_looks(partition),
        *keys.row_buckets(partition),
    ]
    assert len({key_slot(key.encode()) for key in private}) == 1
    assert len({key_slot(keys.membership(f"c-{n}").encode()) for n in range(100)}) > 90
    for customer_id in ("c-1", "é€", "a:b"):
        assert key_slot(gone(customer_id).encode()) == key_slot(keys.membership(customer_id).encode())


async def test_strings_and_deletion_marks_expire(redis_url: str) -> None:
    ttl_seconds = 100_000
    async with connected_to_one(redis_url) as client:
        memberships = RedisMembershipStore(client, ttl_seconds=ttl_seconds)
        ids = [f"ttl-{n}" for n in range(200)]
        for customer_id in ids:  # what is written in one call ends together
            await memberships.write([written(customer_id, 1)])
        ttls = [await client.ttl(keys.membership(customer_id)) for customer_id in ids]
        assert all(0.9 * ttl_seconds - 60 <= ttl <= ttl_seconds for ttl in ttls)
        assert len(set(ttls)) > 150
        assert max(ttls) - min(ttls) > 0.08 * ttl_seconds
        await memberships.write([OutboxEntry(ids[0], 7, 2, None)])
        assert 0 < await client.ttl(gone(ids[0])) <= DELETION_MARK_SECONDS
        await client.delete(gone(ids[0]))


async def test_rows_never_expire(redis_url: str, partition: int) -> None:
    async with connected_to_one(redis_url) as client:
        state = RedisStateStore(client)
        metadata = await state.claim(partition, "w-1", "layout", NOW_MS)
        await state.flush(partition, Flush("w-1", metadata.flush_number, [("c-1", b"row")], [written("c-1", 1)]))
        bucket = keys.row_buckets(partition)[keys.bucket(b"c-1")]
        for key in (bucket, keys.metadata(partition), keys.outbox(partition)):
            assert await client.ttl(key) == -1


async def test_a_foreign_string_under_a_membership_key_is_replaced(redis_url: str) -> None:
    async with connected_to_one(redis_url) as client:
        await client.set(keys.membership("foreign"), b"not ours")
        memberships = RedisMembershipStore(client, ttl_seconds=60)
        await memberships.write([written("foreign", 1)])
        assert await memberships.read(["foreign"]) == [written("foreign", 1).membership]
