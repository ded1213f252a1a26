"""Rows, metadata and outboxes on Redis: a partition's keys share one Cluster slot, so one script does a whole flush."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, Final

import msgspec

from streamseg.membership.types import OutboxEntry
from streamseg.ports import Flow, Flows, Flush, PartitionMetadata
from streamseg.store import key_names as keys
from streamseg.store.limits_and_refusals import FLOW_DAYS, check_size, layout_mismatch, not_owner, wrong_flush_number
from streamseg.store.redis.servers.connection import Client, check_server, translated_errors
from streamseg.store.redis.servers.script import Argument, Script
from streamseg.store.redis.servers.server_memory import memory

METADATA_FIELDS: Final = ("epoch", "owner", "flush", "checkpoint", "topics", "layout", "sizes", "gathered")
"""In the order of `claim.lua`'s result."""
IDS_IN_ONE_LOAD: Final = 2_000
FLUSHES_IN_ONE_READ: Final = 4
"""Of the outbox; each may hold 2,000 entries, about 700 kB."""
DAYS_IN_ONE_READ: Final = 50
"""Of moves; each may hold 100 flows, about 3 kB."""

_JSON: Final = msgspec.json.Encoder()
_COUNTS: Final = msgspec.json.Decoder(dict[str, int])
_TOPICS: Final = msgspec.json.Decoder(dict[str, tuple[str, int]])
_TO_ENTRIES: Final = msgspec.msgpack.Decoder(tuple[OutboxEntry, ...])
_FROM_ENTRIES: Final = msgspec.msgpack.Encoder()


class RedisStateStore:
    """A `StateStore` on Redis."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis
        self._claim = Script("claim")
        self._flush = Script("flush")
        self._flows = Script("flows")
        self._load = Script("load")
        self._scan = Script("scan")
        self._set_topics = Script("set_topics")
        self._swap = Script("swap")

    async def check(self) -> None:
        """See the port."""
        await check_server(self._redis)

    async def memory(self) -> Mapping[str, tuple[int, int]]:
        """See the port."""
        return await memory(self._redis)

    async def metadata(self, partition: int) -> PartitionMetadata | None:
        """See the port."""
        with translated_errors():
            stored = await self._redis.execute_command("HMGET", keys.metadata(partition), *METADATA_FIELDS)
        return _metadata(stored) if stored[0] is not None else None

    async def layouts(self) -> dict[str, bytes]:
        """See the port."""
        with translated_errors():
            stored = await self._redis.execute_command("HGETALL", keys.LAYOUTS)
        return {fingerprint.decode(): written for fingerprint, written in stored.items()}

    async def remember_layout(self, fingerprint: str, written: bytes) -> None:
        """See the port."""
        with translated_errors():
            await self._redis.execute_command("HSET", keys.LAYOUTS, fingerprint, written)

    async def claim(
        self, partition: int, owner: str, layout: str, now_ms: int, follows: Sequence[str] = ()
    ) -> PartitionMetadata:
        """See the port."""
        reply = await self._claim.run(self._redis, [keys.metadata(partition)], [owner, layout, now_ms, *follows])
        if not isinstance(reply, list):
            raise layout_mismatch(partition, reply.decode(), layout)
        return _metadata(reply)

    async def set_topics(self, partition: int, owner: str, topics: Mapping[str, tuple[str, int]]) -> None:
        """See the port."""
        reply = await self._set_topics.run(self._redis, [keys.metadata(partition)], [owner, _JSON.encode(dict(topics))])
        if reply is not None:
            raise not_owner(partition, reply[0].decode(), owner)

    async def load(self, partition: int, customer_ids: Sequence[str]) -> list[bytes | None]:
        """See the port."""
        rows: list[bytes | None] = [None] * len(customer_ids)
        for start in range(0, len(customer_ids), IDS_IN_ONE_LOAD):
            await self._load_piece(
                partition, customer_ids, range(start, min(start + IDS_IN_ONE_LOAD, len(customer_ids))), rows
            )
        return rows

    async def _load_piece(
        self, partition: int, customer_ids: Sequence[str], piece: range, rows: list[bytes | None]
    ) -> None:
        asked: dict[int, tuple[list[bytes], list[int]]] = {}
        for index in piece:
            customer = customer_ids[index].encode()
            ids, places = asked.setdefault(keys.bucket(customer), ([], []))
            ids.append(customer)
            places.append(index)
        names = keys.row_buckets(partition)
        arguments: list[Argument] = []
        order: list[int] = []
        for ids, places in asked.values():
            arguments += (len(ids), *ids)
            order += places
        found = await self._load.run(self._redis, [names[bucket] for bucket in asked], arguments)
        for index, row in zip(order, found, strict=True):
            rows[index] = row

    async def flush(self, partition: int, flush: Flush) -> str | None:
        """See the port."""
        check_size(flush)
        touched: dict[int, tuple[list[Argument], list[Argument]]] = {}
        bucket = keys.bucket
        for customer_id, row in flush.rows:
            customer = customer_id.encode()
            place = bucket(customer)
            if (group := touched.get(place)) is None:
                group = touched[place] = ([], [])
            if row is None:
                group[1].append(customer)
            else:
                group[0].append(customer)
                group[0].append(row)
        arguments: list[Argument] = [
            flush.owner,
            flush.flush_number,
            b"" if flush.checkpoint is None else _JSON.encode(dict(flush.checkpoint)),
            b"" if flush.sizes is None else _JSON.encode(dict(flush.sizes)),
            _FROM_ENTRIES.encode(flush.outbox) if flush.outbox else b"",
        ]
        moved = [] if flush.flows is None else _flow_arguments(flush.flows)
        arguments += (flush.flows.day if flush.flows is not None else 0, len(moved))
        arguments += moved
        arguments += _due_arguments(flush)
        for written, removed in touched.values():
            arguments += (len(written), len(removed))
            arguments += written
            arguments += removed
        buckets = keys.row_buckets(partition)
        names = [
            keys.metadata(partition),
            keys.outbox(partition),
            keys.flows(partition, flush.flows.day % FLOW_DAYS if flush.flows is not None else 0),
            keys.due_looks(partition),
            *(buckets[place] for place in touched),
        ]
        reply = await self._flush.run(self._redis, names, arguments)
        if isinstance(reply, list):
            owner, flush_number = reply[0].decode(), reply[1].decode()
            if owner != flush.owner:
                raise not_owner(partition, owner, flush.owner)
            raise wrong_flush_number(partition, int(flush_number), flush.flush_number)
        return reply.decode() if reply is not None else None

    async def flows(self, partition: int, since: int = 0, until: int | None = None) -> list[Flows]:
        """See the port."""
        asked = FLOW_DAYS if until is None else min(until + 1 - since, FLOW_DAYS)
        names = [keys.flows(partition, (since + place) % FLOW_DAYS) for place in range(asked)]
        found: list[list[bytes]] = []
        for start in range(0, asked, DAYS_IN_ONE_READ):
            found += await self._flows.run(self._redis, names[start : start + DAYS_IN_ONE_READ], [since])
        days = [_flows(dict(zip(one[::2], one[1::2], strict=True))) for one in found]
        last = inf if until is None else until
        return sorted((one for one in days if one.counts and one.day <= last), key=lambda one: one.day)

    async def due(self, partition: int, now: float, count: int) -> list[str]:
        """See the port."""
        with translated_errors():
            found = await self._redis.execute_command(
                "ZRANGE", keys.due_looks(partition), "-inf", int(now), "BYSCORE", "LIMIT", 0, count
            )
        return [customer.decode() for customer in found]

    async def outbox(self, partition: int, after: str = "-") -> list[tuple[str, OutboxEntry]]:
        """See the port."""
        entries: list[tuple[str, OutboxEntry]] = []
        while True:
            start = after if after == "-" else f"({after}"
            with translated_errors():
                piece = await self._redis.execute_command(
                    "XRANGE", keys.outbox(partition), start, "+", "COUNT", FLUSHES_IN_ONE_READ
                )
            for position, fields in piece:
                after = position.decode()
                entries += ((after, entry) for entry in _TO_ENTRIES.decode(fields[b"entries"]))
            if len(piece) < FLUSHES_IN_ONE_READ:
                return entries

    async def trim_outbox(self, partition: int, through: str) -> None:
        """See the port."""
        milliseconds, _, number = through.partition("-")
        beyond = f"{milliseconds}-{int(number) + 1}"
        with translated_errors():
            await self._redis.execute_command("XTRIM", keys.outbox(partition), "MINID", beyond)

    async def note_delivered(self, partition: int, through: str, server_runs: str) -> None:
        """See the port."""
        with translated_errors():
            await self._redis.execute_command("HSET", keys.metadata(partition), "delivered", f"{through} {server_runs}")

    async def delivered(self, partition: int) -> tuple[str, str] | None:
        """See the port."""
        with translated_errors():
            noted = await self._redis.execute_command("HGET", keys.metadata(partition), "delivered")
        if noted is None:
            return None
        through, _, server_runs = noted.decode().partition(" ")
        return through, server_runs

    async def outbox_flushes(self, partition: int) -> int:
        """See the port."""
        with translated_errors():
            return int(await self._redis.execute_command("XLEN", keys.outbox(partition)))

    async def scan(self, partition: int, cursor: int, count: int) -> tuple[int, list[tuple[str, bytes]]]:
        """See the port. The cursor is HSCAN's, times the number of buckets, plus the bucket."""
        inside, bucket = divmod(cursor, keys.BUCKETS)
        reply = await self._scan.run(self._redis, keys.row_buckets(partition), [bucket, inside, count])
        next_bucket, next_inside, found = reply
        rows = [(customer.decode(), row) for customer, row in zip(found[::2], found[1::2], strict=True)]
        return (0 if next_bucket == keys.BUCKETS else int(next_inside) * keys.BUCKETS + next_bucket), rows

    def passed(self, cursor: int, customer_id: str) -> bool:
        """See the port."""
        return keys.bucket(customer_id.encode()) < cursor % keys.BUCKETS

    async def stage(self, partition: int, rows: Sequence[tuple[str, bytes]]) -> None:
        """See the port."""
        names = keys.staged_buckets(partition)
        by_bucket: dict[int, list[Argument]] = {}
        for customer_id, row in rows:
            customer = customer_id.encode()
            by_bucket.setdefault(keys.bucket(customer), []).extend((customer, row))
        for bucket, content in by_bucket.items():
            with translated_errors():
                await self._redis.execute_command("HSET", names[bucket], *content)

    async def unstage(self, partition: int) -> None:
        """See the port."""
        with translated_errors():
            await self._redis.execute_command("UNLINK", *keys.staged_buckets(partition))

    async def swap(self, partition: int, metadata: PartitionMetadata) -> None:
        """See the port."""
        pairs = zip(keys.row_buckets(partition), keys.staged_buckets(partition), strict=True)
        names = [keys.metadata(partition), *(name for pair in pairs for name in pair)]
        encoded = [_JSON.encode(dict(each)) for each in (metadata.checkpoint, metadata.topics, metadata.sizes)]
        await self._swap.run(self._redis, names, [metadata.layout, *encoded, "1" if metadata.gathered else ""])


def _metadata(stored: Sequence[Any]) -> PartitionMetadata:
    epoch, owner, flush_number, checkpoint, topics, layout, sizes, gathered = stored
    return PartitionMetadata(
        epoch=int(epoch),
        owner=owner.decode(),
        flush_number=int(flush_number),
        checkpoint=_COUNTS.decode(checkpoint) if checkpoint else {},
        topics=_TOPICS.decode(topics) if topics else {},
        layout=layout.decode(),
        sizes=_COUNTS.decode(sizes) if sizes else {},
        gathered=bool(gathered),
    )


def _due_arguments(flush: Flush) -> list[Argument]:
    """Return count, times and ids of the looks that fall due, then count and ids of customers without one."""
    due = [(at, customer) for customer, at in flush.due if at < inf]
    done = [customer for customer, at in flush.due if at == inf]
    return [2 * len(due), *(part for at, customer in due for part in (int(at), customer)), len(done), *done]


def _flow_arguments(flows: Flows) -> list[Argument]:
    """Return field and count of each flow: `<from>><to>`, where no segment is the empty string."""
    arguments: list[Argument] = []
    for (before, after), count in flows.counts.items():
        arguments += (f"{before or ''}>{after or ''}", count)
    return arguments


def _flows(stored: dict[bytes, bytes]) -> Flows:
    day = int(stored.pop(b"day"))
    counts: dict[Flow, int] = {}
    for name, count in stored.items():
        before, _, after = name.decode().partition(">")
        counts[before or None, after or None] = int(count)
    return Flows(day, counts)
