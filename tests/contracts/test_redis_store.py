"""What only a real Redis can do to us: die, hang, break off in the middle of a call, drop data, forget scripts."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import redis as blocking_redis
from redis.crc import key_slot

from streamseg.errors import FlushRefusedError, SettingsError, StoreUnavailableError
from streamseg.membership.encoding import encode
from streamseg.membership.types import Consent, Membership, OutboxEntry
from streamseg.ports import Flush
from streamseg.settings import RedisSettings
from streamseg.store import key_names as keys
from streamseg.store.limits_and_refusals import DELETION_MARK_SECONDS
from streamseg.store.redis import RedisMembershipStore, RedisModelStore, RedisStateStore, connect
from streamseg.store.redis.connection import Client

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

NOW_MS = 1_795_415_000_123
QUICK_SECONDS = 1.5


def written(customer_id: str, seq: int) -> OutboxEntry:
    return OutboxEntry(customer_id, 7, seq, encode(Membership(customer_id, 7, seq, 0, {}, {}, Consent(False, True))))


def gone(customer_id: str) -> str:
    return f"ssg:v1:gone:{{ssg:v1:m:{customer_id}}}"


@asynccontextmanager
async def connected(url: str, timeout_seconds: float = 5.0, **settings: Any) -> AsyncIterator[Client]:
    client = connect(RedisSettings(url=url, timeout_seconds=timeout_seconds, **settings))
    try:
        yield client
    finally:
        await client.aclose()


class Cut:
    """A proxy that breaks the connection at the next request: before Redis has seen it, or before we see the answer."""

    def __init__(self, url: str) -> None:
        self._server = ("127.0.0.1", int(url.rpartition(":")[2].partition("/")[0]))
        self.armed: str | None = None

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_redis, to_redis = await asyncio.open_connection(*self._server)
        with suppress(OSError):
            while (request := await reader.read(1_000_000)) and self.armed != "before":
                to_redis.write(request)
                reply = await from_redis.read(1_000_000)
                if self.armed == "after":
                    break
                writer.write(reply)
        self.armed = None
        for end in (writer, to_redis):
            end.close()


@pytest.mark.parametrize(("broken", "was_written"), [("before", False), ("after", True)])
async def test_the_head_tells_what_became_of_a_flush_that_broke_off(
    redis_url: str, partition: int, broken: str, was_written: bool
) -> None:
    cut = Cut(redis_url)
    async with cut.listening() as url, connected(url) as client:
        state = RedisStateStore(client)
        await state.claim(partition, "w-1", "layout", NOW_MS)
        await state.flush(partition, Flush("w-1", 1))  # now the server knows the script
        claimed = await state.claim(partition, "w-1", "layout", NOW_MS)
        flush = Flush("w-1", claimed.flush_number, [("c-1", b"row")], checkpoint={"t": 5})
        cut.armed = broken
        with pytest.raises(StoreUnavailableError):
            await state.flush(partition, flush)
        head = await state.metadata(partition)
        assert head is not None
        assert head.flush_number == claimed.flush_number + was_written
        assert head.checkpoint == ({"t": 5} if was_written else {})
        assert await state.load(partition, ["c-1"]) == [b"row" if was_written else None]


async def test_a_cancelled_call_leaves_no_answer_to_the_next(redis_url: str, partition: int) -> None:
    async with connected(redis_url) as client:
        state = RedisStateStore(client)
        await state.claim(partition, "w-1", "layout", NOW_MS)
        for pause_seconds in (0.0, 0.0001, 0.0005, 0.002):
            call = asyncio.create_task(state.load(partition, [f"c-{n}" for n in range(2_000)]))
            await asyncio.sleep(pause_seconds)
            call.cancel()
            with suppress(asyncio.CancelledError):
                await call
            head = await state.metadata(partition)
            assert head is not None
            assert head.owner == "w-1"


async def test_hundreds_of_calls_at_once_are_answered(redis_url: str, partition: int) -> None:
    async with connected(redis_url) as client:
        state = RedisStateStore(client)
        head = await state.claim(partition, "w-1", "layout", NOW_MS)
        assert await asyncio.gather(*(state.metadata(partition) for _ in range(300))) == [head] * 300


async def test_a_killed_server_is_unavailable_at_once(start_redis: Callable[..., Any], partition: int) -> None:
    server = start_redis()
    async with connected(server.url, timeout_seconds=30) as client:
        state, memberships, models = (
            RedisStateStore(client),
            RedisMembershipStore(client, ttl_seconds=60),
            RedisModelStore(client),
        )
        head = await state.claim(partition, "w-1", "layout", NOW_MS)
        server.process.kill()
        server.process.wait()
        started = time.monotonic()
        for call in (
            state.check(),
            state.metadata(partition),
            state.claim(partition, "w-1", "layout", NOW_MS),
            state.set_topics(partition, "w-1", {}),
            state.load(partition, ["c-1"]),
            state.flush(partition, Flush("w-1", head.flush_number)),
            state.outbox(partition),
            state.trim_outbox(partition, "1-0"),
            state.scan(partition, 0, 10),
            memberships.write([written("c-1", 1)]),
            memberships.read(["c-1"]),
            models.publish("behaviour", 1, 0, b"one"),
            models.snapshot("behaviour"),
            models.versions(["behaviour"]),
            models.write_catalogue({"s": b"{}"}),
            models.catalogue(),
        ):
            with pytest.raises(StoreUnavailableError, match=r"^Redis: [^\n]+$"):
                await call
        assert time.monotonic() - started < QUICK_SECONDS


async def test_a_frozen_server_is_away_after_the_timeout(start_redis: Callable[..., Any], partition: int) -> None:
    server = start_redis()
    async with connected(server.url, timeout_seconds=0.2) as client:
        state = RedisStateStore(client)
        head = await state.claim(partition, "w-1", "layout", NOW_MS)
        server.process.send_signal(signal.SIGSTOP)
        try:
            started = time.monotonic()
            with pytest.raises(StoreUnavailableError):
                await state.flush(partition, Flush("w-1", head.flush_number, [("c-1", b"r" * 400)]))
            assert time.monotonic() - started < QUICK_SECONDS
        finally:
            server.process.send_signal(signal.SIGCONT)
        stored = await state.metadata(partition)
        assert stored is not None
        assert stored.flush_number in (head.flush_number, head.flush_number + 1)


async def test_a_full_server_takes_nothing_of_a_flush(start_redis: Callable[..., Any], partition: int) -> None:
    server = start_redis("--maxmemory-policy", "noeviction")
    async with connected(server.url) as client:
        state = RedisStateStore(client)
        head = await state.claim(partition, "w-1", "layout", NOW_MS)
        await state.flush(partition, Flush("w-1", head.flush_number, [("c-1", b"row")]))
        await client.config_set("maxmemory", 1)
        for rows in ([("c-1", None)], [("c-1", b"new")]):
            with pytest.raises(StoreUnavailableError, match="maxmemory"):
                await state.flush(partition, Flush("w-1", head.flush_number + 1, rows))
        await client.config_set("maxmemory", 0)
        stored = await state.metadata(partition)
        assert stored is not None
        assert stored.flush_number == head.flush_number + 1
        assert await state.load(partition, ["c-1"]) == [b"row"]


async def test_a_server_that_forgot_its_scripts_is_given_them_again(redis_url: str, partition: int) -> None:
    async with connected(redis_url) as client:
        state, memberships = RedisStateStore(client), RedisMembershipStore(client, ttl_seconds=60)
        await client.script_flush()
        head = await state.claim(partition, "w-1", "layout", NOW_MS)
        for step in range(2):
            await state.flush(partition, Flush("w-1", head.flush_number + step, [("c-1", b"row")]))
            await memberships.write([written("forgot", step)])
            await client.script_flush()
        assert await state.load(partition, ["c-1"]) == [b"row"]


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "allkeys-random"])
async def test_a_server_that_drops_data_is_refused(start_redis: Callable[..., Any], policy: str) -> None:
    async with connected(start_redis("--maxmemory-policy", policy).url) as client:
        with pytest.raises(SettingsError, match=rf"^[^\n]*noeviction \(now {policy}\)$"):
            await RedisStateStore(client).check()


async def test_a_replica_is_refused(start_redis: Callable[..., Any]) -> None:
    server = start_redis("--replicaof", "127.0.0.1", "1")
    async with connected(server.url) as client:
        with pytest.raises(SettingsError, match="read-only replica"):
            await RedisStateStore(client).check()


async def test_a_node_of_a_cluster_must_be_named_as_such(cluster_url: str) -> None:
    async with connected(cluster_url.replace("redis+cluster", "redis")) as client:
        with pytest.raises(SettingsError, match=r"redis\+cluster://"):
            await RedisStateStore(client).check()


async def test_credentials_come_from_settings_and_wrong_ones_are_a_wrong_setting(
    start_redis: Callable[..., Any],
) -> None:
    server = start_redis()
    async with connected(server.url) as client:
        await client.config_set("requirepass", "hidden-word")
    async with connected(server.url, password="hidden-word") as client:
        await RedisStateStore(client).check()
    async with connected(server.url, password="guessed-word") as client:
        with pytest.raises(SettingsError, match="Redis refuses us") as refused:
            await RedisStateStore(client).check()
        assert "guessed-word" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "options"),
    [("http://127.0.0.1:6379", {}), ("nonsense", {}), ("redis://127.0.0.1:6379", {"ssl_ca_file": "ca.pem"})],
)
async def test_a_url_that_cannot_be_is_a_wrong_setting(url: str, options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"^setting redis\.[^\n]+$"):
        connect(RedisSettings(url=url, **options))


async def test_readers_need_no_more_than_the_documented_grant(start_redis: Callable[..., Any]) -> None:
    server = start_redis()
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


async def test_all_of_a_partition_is_in_one_slot_and_memberships_are_not(partition: int) -> None:
    private = [keys.metadata(partition), keys.outbox(partition), *keys.row_buckets(partition)]
    assert len({key_slot(key.encode()) for key in private}) == 1
    assert len({key_slot(keys.membership(f"c-{n}").encode()) for n in range(100)}) > 90
    for customer_id in ("c-1", "é€", "a:b"):
        assert key_slot(gone(customer_id).encode()) == key_slot(keys.membership(customer_id).encode())


async def test_strings_and_marks_end_by_themselves(redis_url: str) -> None:
    ttl_seconds = 100_000
    async with connected(redis_url) as client:
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


async def test_rows_never_end_by_themselves(redis_url: str, partition: int) -> None:
    async with connected(redis_url) as client:
        state = RedisStateStore(client)
        head = await state.claim(partition, "w-1", "layout", NOW_MS)
        await state.flush(partition, Flush("w-1", head.flush_number, [("c-1", b"row")], [written("c-1", 1)]))
        bucket = keys.row_buckets(partition)[keys.bucket(b"c-1")]
        for key in (bucket, keys.metadata(partition), keys.outbox(partition)):
            assert await client.ttl(key) == -1


async def test_a_foreign_string_under_a_membership_key_is_replaced(redis_url: str) -> None:
    async with connected(redis_url) as client:
        await client.set(keys.membership("foreign"), b"not ours")
        memberships = RedisMembershipStore(client, ttl_seconds=60)
        await memberships.write([written("foreign", 1)])
        assert await memberships.read(["foreign"]) == [written("foreign", 1).membership]


async def test_an_owner_that_was_frozen_is_refused_on_its_own_connection(redis_url: str, partition: int) -> None:
    async with connected(redis_url) as mine, connected(redis_url) as theirs:
        before = await RedisStateStore(mine).claim(partition, "w-1", "layout", NOW_MS)
        await RedisStateStore(theirs).claim(partition, "w-2", "layout", NOW_MS)
        with pytest.raises(FlushRefusedError, match="owned by w-2, not w-1"):
            await RedisStateStore(mine).flush(partition, Flush("w-1", before.flush_number, [("c-1", b"stale")]))
