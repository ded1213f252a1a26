"""Membership strings on Redis: written in batches, each by compare-and-set on (epoch, seq).

A deletion leaves a mark beside the place of the string, for as long as Kafka keeps tombstones, so that an older write
that was under way (a redelivered outbox, a worker that was frozen) cannot bring an erased customer back.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import msgspec
from redis.asyncio import RedisCluster
from redis.exceptions import NoScriptError

from streamseg.membership.types import OutboxEntry
from streamseg.store import key_names as keys
from streamseg.store.limits_and_refusals import DELETION_MARK_SECONDS, jittered
from streamseg.store.redis.connection import Client, answering
from streamseg.store.redis.script import Argument, Script

ENTRIES_IN_ONE_CALL: Final = 1_000
"""They hold up Redis for 2.5 ms."""
READ_IN_ONE_CALL: Final = 2_000

_PACK: Final = msgspec.msgpack.Encoder().encode


class RedisMembershipStore:
    """The `MembershipStore` of production; with another prefix, the place of a view of the memberships.

    In a view a string may well be missing. Deleting one leaves a mark only where one stood, so that the many customers
    who are never in the view cost nothing.
    """

    def __init__(self, redis: Client, *, ttl_seconds: int, prefix: str = keys.MEMBERSHIP_PREFIX) -> None:
        self._redis = redis
        self._prefix = prefix
        self._is_view = prefix != keys.MEMBERSHIP_PREFIX
        self._ttl_seconds = ttl_seconds
        self._write = Script("write_memberships")

    async def write(self, entries: Sequence[OutboxEntry]) -> None:
        """See the port."""
        if self._is_view:
            entries = await self._that_matter(entries)
        for epoch, group in groupby(entries, attrgetter("epoch")):
            of_epoch = list(group)
            for start in range(0, len(of_epoch), ENTRIES_IN_ONE_CALL):
                piece = of_epoch[start : start + ENTRIES_IN_ONE_CALL]
                if isinstance(self._redis, RedisCluster):
                    await self._write_by_slot(self._redis, epoch, piece)
                else:
                    await self._write.run(self._redis, *self._call(epoch, piece))

    async def _that_matter(self, entries: Sequence[OutboxEntry]) -> Sequence[OutboxEntry]:
        """All but the deletions of what is not there and is not about to be written by one of these."""
        written = {entry.customer_id for entry in entries if entry.membership is not None}
        doubtful = [entry.customer_id for entry in entries if entry.customer_id not in written]
        there = written | await self._standing(doubtful)
        return [entry for entry in entries if entry.customer_id in there]

    async def _standing(self, customer_ids: Sequence[str]) -> set[str]:
        """Those who have a string. Mostly nobody has, and one number tells it."""
        with answering():
            if not customer_ids or not await self._redis.exists(*map(self._prefix.__add__, customer_ids)):
                return set()
        strings = await self.read(customer_ids)
        return {customer for customer, string in zip(customer_ids, strings, strict=True) if string is not None}

    def _call(self, epoch: int, entries: Sequence[OutboxEntry]) -> tuple[list[str], list[Argument]]:
        prefix, gone = self._prefix, keys.gone
        names: list[str] = []
        for entry in entries:
            customer_id = entry.customer_id
            names += (prefix + customer_id, gone(customer_id, prefix))
        strings = [entry.membership or b"" for entry in entries]
        order = _PACK(([entry.seq for entry in entries], list(map(len, strings))))
        # One TTL for all of them: what is written together was written at its own time, and spreads by that.
        ttl_seconds = jittered(self._ttl_seconds, entries[0].customer_id)
        leave_mark = 0 if self._is_view else 1
        return names, [DELETION_MARK_SECONDS, leave_mark, epoch, ttl_seconds, order, b"".join(strings)]

    async def _write_by_slot(self, cluster: RedisCluster, epoch: int, entries: Sequence[OutboxEntry]) -> None:
        """Nearly every customer has a slot of their own: one call each, pipelined by node, in order within a slot."""
        pipeline = cluster.pipeline()
        calls = [self._call(epoch, [entry]) for entry in entries]
        for names, arguments in calls:
            pipeline = pipeline.execute_command("EVALSHA", self._write.sha, len(names), *names, *arguments)
        with answering():
            replies = await pipeline.execute(raise_on_error=False)
        for (names, arguments), reply in zip(calls, replies, strict=True):
            if isinstance(reply, NoScriptError):
                await self._write.run(cluster, names, arguments)
            elif isinstance(reply, Exception):
                with answering():
                    raise reply

    async def read(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        """See the port."""
        strings: list[bytes | None] = []
        for start in range(0, len(customer_ids), READ_IN_ONE_CALL):
            names = [self._prefix + customer_id for customer_id in customer_ids[start : start + READ_IN_ONE_CALL]]
            with answering():
                found: Any
                if isinstance(self._redis, RedisCluster):
                    found = await self._redis.mget_nonatomic(names)
                else:
                    found = await self._redis.mget(names)
            strings += found
        return strings
