"""Membership strings on Redis, written in batches, each by compare-and-set on (epoch, seq).

A deletion leaves a mark for as long as Kafka keeps tombstones. An older write that arrives late (a redelivered outbox
entry, a worker that was frozen) then cannot restore an erased customer.
"""

import asyncio
from collections.abc import Sequence
from itertools import count, groupby
from operator import attrgetter
from typing import Any, Final

import msgspec

from streamseg.errors import PartlyWrittenError
from streamseg.membership.types import OutboxEntry
from streamseg.store import key_names as keys
from streamseg.store.limits_and_refusals import DELETION_MARK_SECONDS, jittered_ttl
from streamseg.store.redis.membership_calls import MembershipCalls
from streamseg.store.redis.servers.cluster import UNREACHED, Cluster
from streamseg.store.redis.servers.connection import Client, reason, translated_errors
from streamseg.store.redis.servers.runs import Runs, run_id
from streamseg.store.redis.servers.script import Argument, Script

ENTRIES_IN_ONE_CALL: Final = 1_000
"""They block Redis for 2.5 ms."""
ENTRIES_IN_ONE_PIECE: Final = 4_000
"""On a Cluster, where each entry is a call of its own and so blocks nothing."""
READ_IN_ONE_CALL: Final = 2_000
PROBES_IN_ONE_CALL: Final = 64
"""Partitions are numbered from 0: where so many in a row have no probe, there are no more."""

_PACK: Final = msgspec.msgpack.Encoder().encode


class RedisMembershipStore:
    """A `MembershipStore` on Redis; with another `prefix`, the store of a view of the memberships.

    Most customers may have no string in a view. A deletion there leaves a mark only where a string was, so that they
    cost nothing.
    """

    def __init__(self, redis: Client, *, ttl_seconds: int, prefix: str = keys.MEMBERSHIP_PREFIX) -> None:
        self._redis = redis
        self._prefix = prefix
        self._is_view = prefix != keys.MEMBERSHIP_PREFIX
        self._ttl_seconds = ttl_seconds
        self._write = Script("write_memberships")
        self._runs, self._looking = Runs(), asyncio.Lock()

    async def write(self, entries: Sequence[OutboxEntry]) -> set[tuple[str, int]]:
        """See the port."""
        overtaken: set[tuple[str, int]] = set()
        unwritten: dict[str, Exception] = {}
        if self._is_view:
            entries = await self._without_idle_deletions(entries)
        for epoch, group in groupby(entries, attrgetter("epoch")):
            of_epoch = list(group)
            size = ENTRIES_IN_ONE_PIECE if isinstance(self._redis, Cluster) else ENTRIES_IN_ONE_CALL
            for start in range(0, len(of_epoch), size):
                piece = of_epoch[start : start + size]
                if isinstance(self._redis, Cluster):
                    numbers = await self._write_by_slot(self._redis, epoch, piece, unwritten)
                else:
                    numbers = await self._write.run(self._redis, *self._call(epoch, piece))
                overtaken.update((piece[number - 1].customer_id, epoch) for number in numbers)
        if unwritten:
            last = next(reversed(unwritten.values()))
            raise PartlyWrittenError(f"Redis: {reason(last)}", frozenset(unwritten), overtaken)
        return overtaken

    async def _without_idle_deletions(self, entries: Sequence[OutboxEntry]) -> Sequence[OutboxEntry]:
        """Leave out deletions of strings that neither exist nor are written by another of these entries."""
        written = {entry.customer_id for entry in entries if entry.membership is not None}
        unwritten = [entry.customer_id for entry in entries if entry.customer_id not in written]
        kept = written | await self._existing(unwritten)
        return [entry for entry in entries if entry.customer_id in kept]

    async def _existing(self, customer_ids: Sequence[str]) -> set[str]:
        """Return the customers that have a string. Usually none has: one EXISTS call shows that on one server."""
        if not customer_ids:
            return set()
        if not isinstance(self._redis, Cluster):
            with translated_errors():
                if not await self._redis.exists(*map(self._prefix.__add__, customer_ids)):
                    return set()
            strings: Sequence[object] = await self.read(customer_ids)
        else:
            with translated_errors():  # one on a node that is away may be there
                strings = await self._redis.ask_each([(self._prefix + one).encode() for one in customer_ids])
        return {customer for customer, string in zip(customer_ids, strings, strict=True) if string is not None}

    def _call(self, epoch: int, entries: Sequence[OutboxEntry]) -> tuple[list[str], list[Argument]]:
        prefix, deletion_mark = self._prefix, keys.deletion_mark
        names: list[str] = []
        for entry in entries:
            customer_id = entry.customer_id
            names += (prefix + customer_id, deletion_mark(customer_id, prefix))
        strings = [entry.membership or b"" for entry in entries]
        order = _PACK(([entry.seq for entry in entries], list(map(len, strings))))
        return names, [*self._shared(epoch, entries, "PUBLISH"), order, b"".join(strings)]

    def _shared(self, epoch: int, entries: Sequence[OutboxEntry], publish: str) -> list[Argument]:
        """Return the arguments that all entries of a call have in common."""
        # One TTL per call: calls are spread over time, and so are the expiries.
        ttl_seconds = jittered_ttl(self._ttl_seconds, entries[0].customer_id)
        return [DELETION_MARK_SECONDS, 0 if self._is_view else 1, epoch, ttl_seconds, publish]

    async def _write_by_slot(
        self, cluster: Cluster, epoch: int, entries: Sequence[OutboxEntry], unwritten: dict[str, Exception]
    ) -> list[int]:
        """Write one call per entry, those of a node in one piece: a script reaches the keys of one slot only.

        Returns the numbers (from 1) of the entries of which a newer epoch is stored. Adds to `unwritten` the customers
        whose node did not answer.
        """
        shared = self._shared(epoch, entries, "SPUBLISH")
        calls = MembershipCalls(self._write.sha, self._prefix, shared).calls(entries)
        with translated_errors():
            replies = await cluster.run_each(calls, self._write.text)
            overtaken = []
            for number, reply in enumerate(replies):
                if reply:
                    if isinstance(reply, UNREACHED):
                        unwritten[entries[number].customer_id] = reply
                    elif isinstance(reply, Exception):
                        raise reply
                    else:
                        overtaken.append(number + 1)
        return overtaken

    async def server_runs(self) -> str:
        """See the port."""
        with translated_errors():
            if isinstance(self._redis, Cluster):
                return await self._redis.server_runs()
            async with self._looking:
                if not self._runs.looked_lately:
                    self._runs.saw([await run_id(self._redis)])
                return self._runs.name

    async def read(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        """See the port."""
        return await self._get([self._prefix + customer_id for customer_id in customer_ids])

    async def deletions(self, customer_ids: Sequence[str]) -> list[tuple[int, int] | None]:
        """See the port."""
        marks = await self._get([keys.deletion_mark(customer_id, self._prefix) for customer_id in customer_ids])
        orders = [mark.split(b":") if mark is not None else None for mark in marks]
        return [None if order is None else (int(order[0]), int(order[1])) for order in orders]

    async def note_probe(self, partition: int, sent_at: float) -> None:
        """See the port."""
        with translated_errors():
            await self._redis.execute_command("SET", keys.probe(partition), f"{sent_at:.3f}")

    async def probes(self) -> dict[int, float]:
        """See the port."""
        found: dict[int, float] = {}
        for start in count(0, PROBES_IN_ONE_CALL):
            numbers = range(start, start + PROBES_IN_ONE_CALL)
            stored = await self._get([keys.probe(number) for number in numbers])
            piece = {number: float(at) for number, at in zip(numbers, stored, strict=True) if at is not None}
            if not piece:
                break
            found |= piece
        return found

    async def _get(self, names: Sequence[str]) -> list[bytes | None]:
        values: list[bytes | None] = []
        for start in range(0, len(names), READ_IN_ONE_CALL):
            piece = names[start : start + READ_IN_ONE_CALL]
            with translated_errors():
                found: Any
                if isinstance(self._redis, Cluster):
                    found = await self._redis.get_each([name.encode() for name in piece])
                else:
                    found = await self._redis.mget(piece)
            values += found
        return values
