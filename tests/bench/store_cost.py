"""Client CPU time per row of a flush and per membership string, compared with plain MSET and SET.

    python -m tests.bench.store_cost redis://127.0.0.1:6379/0

The database is flushed at the end: use a server of your own. It prints microseconds per item, the best of all rounds:
CPU time of this process, elapsed time, and the server's own time by INFO commandstats.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop
from redis.asyncio import Redis

from streamseg.membership.encoding import change_record, decode, encode, order_of
from streamseg.membership.types import Consent, Membership, MembershipChange, OutboxEntry, SegmentMembership
from streamseg.ports import Flush
from streamseg.settings import RedisSettings
from streamseg.store.redis import RedisMembershipStore, RedisStateStore, connect
from streamseg.store.redis.servers.connection import Client

ITEMS = 2_000
ROW_BYTES = 400
ROUNDS = 15
PARTITION = 1_000_003
IDS = [f"customer-{n}" for n in range(ITEMS)]
ROWS = [(customer_id, bytes([n % 256]) * ROW_BYTES) for n, customer_id in enumerate(IDS)]
CHANGES = (MembershipChange("behaviour", "a", "exited"), MembershipChange("behaviour", "b", "entered"))


def membership(customer_id: str, seq: int) -> Membership:
    segment = SegmentMembership("behaviour-k7q2", 1_795_000_000, 0.83)
    return Membership(
        customer_id,
        1_795_415_000_123,
        seq,
        1_795_415_998,
        {"behaviour": 12},
        {"behaviour": segment},
        Consent(ads=False, personalisation=True),
    )


def one_server(client: Client) -> Redis:
    """Return the client of a server that is no Cluster."""
    assert isinstance(client, Redis)
    return client


def entries_at(seq: int) -> list[OutboxEntry]:
    return [OutboxEntry(name, 1_795_415_000_123, seq, encode(membership(name, seq)), CHANGES) for name in IDS]


class Cases:
    """The calls to measure; each handles `ITEMS` items."""

    def __init__(self, redis: Redis, flush_number: int) -> None:
        self._redis = redis
        self._state = RedisStateStore(redis)
        self._strings = RedisMembershipStore(redis, ttl_seconds=86_400)
        self._flush_number = flush_number
        self._entries = entries_at(1)
        self._coming = iter([entries_at(seq) for seq in range(2, ROUNDS + 3)])
        self._memberships = [membership(name, 1) for name in IDS]

    async def mset(self) -> None:
        pipeline: Any = self._redis.pipeline(transaction=False)
        for start in range(0, ITEMS, 500):
            pipeline = pipeline.execute_command(
                "MSET", *(part for name, row in ROWS[start : start + 500] for part in (f"bench:{name}", row))
            )
        await pipeline.execute()

    async def flush(self) -> None:
        await self._flush([])

    async def flush_with_outbox(self) -> None:
        position = await self._flush(self._entries)
        assert position is not None
        await self._state.trim_outbox(PARTITION, position)

    async def _flush(self, outbox: list[OutboxEntry]) -> str | None:
        flush = Flush("bench", self._flush_number, ROWS, outbox, {"t": 1}, {"s": 1})
        self._flush_number += 1
        return await self._state.flush(PARTITION, flush)

    async def load(self) -> None:
        await self._state.load(PARTITION, IDS)

    async def scan(self) -> None:
        cursor, _ = await self._state.scan(PARTITION, 0, 500)
        while cursor:
            cursor, _ = await self._state.scan(PARTITION, cursor, 500)

    async def set_ex(self) -> None:
        pipeline: Any = self._redis.pipeline(transaction=False)
        for entry in self._entries:
            pipeline = pipeline.execute_command("SET", f"bench:m:{entry.customer_id}", entry.membership, "EX", 86_400)
        await pipeline.execute()

    async def write(self) -> None:
        await self._strings.write(next(self._coming))

    async def read(self) -> None:
        await self._strings.read(IDS)

    async def encode(self) -> None:
        for one in self._memberships:
            encode(one)

    async def decode(self) -> None:
        for entry in self._entries:
            decode(entry.membership or b"")

    async def order(self) -> None:
        for entry in self._entries:
            order_of(entry.membership or b"")

    async def record(self) -> None:
        for entry in self._entries:
            change_record(entry)


async def measure(name: str, redis: Redis, call: Callable[[], Awaitable[None]]) -> None:
    await call()
    rounds = []
    for _ in range(ROUNDS):
        before = await server_seconds(redis)
        cpu, elapsed = time.process_time(), time.perf_counter()
        await call()
        cpu, elapsed = time.process_time() - cpu, time.perf_counter() - elapsed
        rounds.append((cpu, elapsed, await server_seconds(redis) - before))
    columns = "".join(f"{min(taken) / ITEMS * 1e6:10.2f}" for taken in zip(*rounds, strict=True))
    sys.stdout.write(f"{name:<44}{columns}\n")


async def server_seconds(redis: Redis) -> float:
    stats = await redis.info("commandstats")
    names = ("evalsha", "mset", "mget", "set")
    return float(sum(stats.get(f"cmdstat_{name}", {"usec": 0})["usec"] for name in names)) / 1e6


async def main(url: str) -> None:
    redis = one_server(connect(RedisSettings(url=url)))
    metadata = await RedisStateStore(redis).claim(PARTITION, "bench", "layout", time.time_ns() // 1_000_000)
    cases = Cases(redis, metadata.flush_number)
    sys.stdout.write(f"{'us per item':<44}{'client CPU':>10}{'elapsed':>10}{'server':>10}\n")
    await measure("plain pipelined MSET of rows", redis, cases.mset)
    await measure(f"flush of {ITEMS} rows of {ROW_BYTES} bytes", redis, cases.flush)
    await measure("flush with an outbox entry per row", redis, cases.flush_with_outbox)
    await measure("load of rows", redis, cases.load)
    await measure("scan of rows, 500 per call", redis, cases.scan)
    await measure("plain pipelined SET EX of memberships", redis, cases.set_ex)
    await measure("membership write, compare-and-set", redis, cases.write)
    await measure("membership read", redis, cases.read)
    await measure("encode", redis, cases.encode)
    await measure("decode", redis, cases.decode)
    await measure("order_of", redis, cases.order)
    await measure("change_record", redis, cases.record)
    await redis.flushdb()
    await redis.aclose()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sys.argv[1]))
