"""The stores survive what a real Redis can do: die, hang, break off in the middle of a call, forget its scripts."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress

import pytest

from streamseg.embedded import RedisServer
from streamseg.errors import FlushRefusedError, StoreUnavailableError
from streamseg.ports import Flush
from streamseg.store.redis import RedisMembershipStore, RedisModelStore, RedisStateStore
from tests.contracts.memberships import written
from tests.contracts.stores import connected, connected_to_one

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

NOW_MS = 1_795_415_000_123
QUICK_SECONDS = 1.5


class Cut:
    """A proxy that can break the connection at the next request, before Redis sees it or before its answer is sent."""

    def __init__(self, url: str) -> None:
        self._server = ("127.0.0.1", int(url.rpartition(":")[2].partition("/")[0]))
        self.armed: str | None = None

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            from_redis, to_redis = await asyncio.open_connection(*self._server)
            with closing(to_redis), suppress(OSError):
                while (request := await reader.read(1_000_000)) and self.armed != "before":
                    to_redis.write(request)
                    reply = await from_redis.read(1_000_000)
                    if self.armed == "after":
                        break
                    writer.write(reply)
            self.armed = None


@pytest.mark.parametrize(("broken", "was_written"), [("before", False), ("after", True)])
async def test_the_metadata_tells_whether_a_broken_off_flush_was_written(
    redis_url: str, partition: int, broken: str, was_written: bool
) -> None:
    cut = Cut(redis_url)
    async with cut.listening() as url, connected(url) as client:
        state = RedisStateStore(client)
        await state.claim(partition, "w-1", "layout", NOW_MS)
        await state.flush(partition, Flush("w-1", 1))  # so that the server knows the script
        claimed = await state.claim(partition, "w-1", "layout", NOW_MS)
        flush = Flush("w-1", claimed.flush_number, [("c-1", b"row")], checkpoint={"t": 5})
        cut.armed = broken
        with pytest.raises(StoreUnavailableError):
            await state.flush(partition, flush)
        metadata = await state.metadata(partition)
        assert metadata is not None
        assert metadata.flush_number == claimed.flush_number + was_written
        assert metadata.checkpoint == ({"t": 5} if was_written else {})
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
            metadata = await state.metadata(partition)
            assert metadata is not None
            assert metadata.owner == "w-1"


async def test_hundreds_of_calls_at_once_are_answered(redis_url: str, partition: int) -> None:
    async with connected(redis_url) as client:
        state = RedisStateStore(client)
        metadata = await state.claim(partition, "w-1", "layout", NOW_MS)
        assert await asyncio.gather(*(state.metadata(partition) for _ in range(300))) == [metadata] * 300


async def test_a_killed_server_is_unavailable_at_once(
    start_redis_server: Callable[..., RedisServer], partition: int
) -> None:
    server = start_redis_server()
    async with connected(server.url, timeout_seconds=30) as client:
        state, memberships, models = (
            RedisStateStore(client),
            RedisMembershipStore(client, ttl_seconds=60),
            RedisModelStore(client),
        )
        metadata = await state.claim(partition, "w-1", "layout", NOW_MS)
        server.kill()
        started = time.monotonic()
        for call in (
            state.check(),
            state.metadata(partition),
            state.claim(partition, "w-1", "layout", NOW_MS),
            state.set_topics(partition, "w-1", {}),
            state.load(partition, ["c-1"]),
            state.flush(partition, Flush("w-1", metadata.flush_number)),
            state.outbox(partition),
            state.trim_outbox(partition, "1-0"),
            state.note_delivered(partition, "1-0", "a run"),
            state.delivered(partition),
            memberships.server_runs(),
            state.scan(partition, 0, 10),
            memberships.write([written("c-1", 1)]),
            memberships.read(["c-1"]),
            models.publish("behaviour", 1, 0, b"one"),
            models.snapshot("behaviour"),
            models.versions(["behaviour"]),
            models.write_catalogue({"s": b"{}"}),
            models.catalogue(),
            models.write_rfm(b"{}"),
            models.rfm(),
        ):
            with pytest.raises(StoreUnavailableError, match=r"^Redis: [^\n]+$"):
                await call
        assert time.monotonic() - started < QUICK_SECONDS


async def test_a_frozen_server_is_unavailable_after_the_timeout(
    start_redis_server: Callable[..., RedisServer], partition: int
) -> None:
    server = start_redis_server()
    async with connected(server.url, timeout_seconds=0.2) as client:
        state = RedisStateStore(client)
        metadata = await state.claim(partition, "w-1", "layout", NOW_MS)
        server.pause()
        try:
            started = time.monotonic()
            with pytest.raises(StoreUnavailableError):
                await state.flush(partition, Flush("w-1", metadata.flush_number, [("c-1", b"r" * 400)]))
            assert time.monotonic() - started < QUICK_SECONDS
        finally:
            server.resume()
        stored = await state.metadata(partition)
        assert stored is not None
        assert stored.flush_number in (metadata.flush_number, metadata.flush_number + 1)


async def test_a_full_server_writes_nothing_of_a_flush(
    start_redis_server: Callable[..., RedisServer], partition: int
) -> None:
    server = start_redis_server("--maxmemory-policy", "noeviction")
    async with connected_to_one(server.url) as client:
        state = RedisStateStore(client)
        metadata = await state.claim(partition, "w-1", "layout", NOW_MS)
        await state.flush(partition, Flush("w-1", metadata.flush_number, [("c-1", b"row")]))
        await client.config_set("maxmemory", 1)
        for rows in ([("c-1", None)], [("c-1", b"new")]):
            with pytest.raises(StoreUnavailableError, match="maxmemory"):
                await state.flush(partition, Flush("w-1", metadata.flush_number + 1, rows))
        await client.config_set("maxmemory", 0)
        stored = await state.metadata(partition)
        assert stored is not None
        assert stored.flush_number == metadata.flush_number + 1
        assert await state.load(partition, ["c-1"]) == [b"row"]


async def test_a_server_that_forgot_its_scripts_gets_them_again(redis_url: str, partition: int) -> None:
    async with connected_to_one(redis_url) as client:
        state, memberships = RedisStateStore(client), RedisMembershipStore(client, ttl_seconds=60)
        await client.script_flush()
        metadata = await state.claim(partition, "w-1", "layout", NOW_MS)
        for step in range(2):
            await state.flush(partition, Flush("w-1", metadata.flush_number + step, [("c-1", b"row")]))
            await memberships.write([written("forgot", step)])
            await client.script_flush()
        assert await state.load(partition, ["c-1"]) == [b"row"]


async def test_an_owner_that_was_frozen_is_refused_on_its_own_connection(redis_url: str, partition: int) -> None:
    async with connected(redis_url) as mine, connected(redis_url) as theirs:
        before = await RedisStateStore(mine).claim(partition, "w-1", "layout", NOW_MS)
        await RedisStateStore(theirs).claim(partition, "w-2", "layout", NOW_MS)
        with pytest.raises(FlushRefusedError, match="owned by w-2, not w-1"):
            await RedisStateStore(mine).flush(partition, Flush("w-1", before.flush_number, [("c-1", b"stale")]))
