"""Rows, metadata and outboxes in memory."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from streamseg.membership.types import OutboxEntry
from streamseg.ports import Flows, Flush, PartitionMetadata
from streamseg.store import key_names as keys
from streamseg.store.limits_and_refusals import FLOW_DAYS, check_size, layout_mismatch, not_owner, wrong_flush_number


@dataclass(slots=True)
class _Partition:
    metadata: PartitionMetadata | None = None
    buckets: list[dict[str, bytes]] = field(default_factory=lambda: [{} for _ in range(keys.BUCKETS)])
    staged: dict[str, bytes] = field(default_factory=dict)
    outbox: list[tuple[int, OutboxEntry]] = field(default_factory=list)
    appended: int = 0
    delivered: tuple[str, str] | None = None
    """Position in the outbox and runs of the servers."""
    flush_ends: list[int] = field(default_factory=list)
    """Number of the last entry of each flush that had some."""
    flows: dict[int, Flows] = field(default_factory=dict)
    """By place in the ring of days."""
    due: dict[str, int] = field(default_factory=dict)
    """When customers must be looked at without an event, epoch seconds."""

    def bucket(self, customer_id: str) -> dict[str, bytes]:
        return self.buckets[keys.bucket(customer_id.encode())]

    def add_flows(self, added: Flows) -> None:
        place = added.day % FLOW_DAYS
        kept = self.flows.get(place)
        if kept is None or kept.day < added.day:
            kept = self.flows[place] = Flows(added.day, {})
        if kept.day == added.day:
            self.flows[place] = Flows(added.day, dict(Counter(kept.counts) + Counter(added.counts)))

    def owned_by(self, owner: str, number: int) -> PartitionMetadata:
        """Return the metadata. Raises `FlushRefusedError` when another owner has claimed partition `number`."""
        if self.metadata is None or self.metadata.owner != owner:
            raise not_owner(number, self.metadata.owner if self.metadata else "", owner)
        return self.metadata


class MemoryStateStore:
    """A `StateStore` in memory."""

    def __init__(self) -> None:
        self._partitions: dict[int, _Partition] = {}
        self._layouts: dict[str, bytes] = {}

    def _of(self, partition: int) -> _Partition:
        return self._partitions.setdefault(partition, _Partition())

    async def check(self) -> None:
        """Do nothing: memory is always fit."""

    async def memory(self) -> Mapping[str, tuple[int, int]]:
        """Return nothing: there is no server."""
        return {}

    async def metadata(self, partition: int) -> PartitionMetadata | None:
        """See the port."""
        return self._of(partition).metadata

    async def layouts(self) -> dict[str, bytes]:
        """See the port."""
        return dict(self._layouts)

    async def remember_layout(self, fingerprint: str, written: bytes) -> None:
        """See the port."""
        self._layouts[fingerprint] = written

    async def claim(
        self, partition: int, owner: str, layout: str, now_ms: int, follows: Sequence[str] = ()
    ) -> PartitionMetadata:
        """See the port."""
        at = self._of(partition)
        stored = at.metadata or PartitionMetadata(0, "", 0, layout=layout)
        if stored.layout not in (layout, *follows):
            raise layout_mismatch(partition, stored.layout, layout)
        epoch, number = max(stored.epoch + 1, now_ms), stored.flush_number + 1
        at.metadata = replace(stored, epoch=epoch, owner=owner, flush_number=number, layout=layout)
        return at.metadata

    async def set_topics(self, partition: int, owner: str, topics: Mapping[str, tuple[str, int]]) -> None:
        """See the port."""
        at = self._of(partition)
        at.metadata = replace(at.owned_by(owner, partition), topics=dict(topics))

    async def load(self, partition: int, customer_ids: Sequence[str]) -> list[bytes | None]:
        """See the port."""
        at = self._of(partition)
        return [at.bucket(customer_id).get(customer_id) for customer_id in customer_ids]

    async def flush(self, partition: int, flush: Flush) -> str | None:
        """See the port."""
        check_size(flush)
        at = self._of(partition)
        stored = at.owned_by(flush.owner, partition)
        if stored.flush_number != flush.flush_number:
            raise wrong_flush_number(partition, stored.flush_number, flush.flush_number)
        for customer_id, row in flush.rows:
            if row is None:
                at.bucket(customer_id).pop(customer_id, None)
            else:
                at.bucket(customer_id)[customer_id] = row
        for customer_id, when in flush.due:
            at.due.pop(customer_id, None)
            if when < inf:
                at.due[customer_id] = int(when)
        for entry in flush.outbox:
            at.appended += 1
            at.outbox.append((at.appended, entry))
        if flush.outbox:
            at.flush_ends.append(at.appended)
        if flush.flows is not None:
            at.add_flows(flush.flows)
        at.metadata = replace(
            stored,
            flush_number=stored.flush_number + 1,
            checkpoint=stored.checkpoint if flush.checkpoint is None else dict(flush.checkpoint),
            sizes=stored.sizes if flush.sizes is None else dict(flush.sizes),
        )
        return f"{at.appended}-0" if flush.outbox else None

    async def flows(self, partition: int, since: int = 0, until: int | None = None) -> list[Flows]:
        """See the port."""
        last = inf if until is None else until
        kept = self._of(partition).flows.values()
        return sorted((one for one in kept if since <= one.day <= last and one.counts), key=lambda one: one.day)

    async def due(self, partition: int, now: float, count: int) -> list[str]:
        """See the port."""
        due = self._of(partition).due
        return sorted((one for one, at in due.items() if at <= now), key=lambda one: (due[one], one))[:count]

    async def outbox(self, partition: int, after: str = "-") -> list[tuple[str, OutboxEntry]]:
        """See the port."""
        last = 0 if after == "-" else _number(after)
        return [(f"{number}-0", entry) for number, entry in self._of(partition).outbox if number > last]

    async def trim_outbox(self, partition: int, through: str) -> None:
        """See the port."""
        at = self._of(partition)
        at.outbox = [(number, entry) for number, entry in at.outbox if number > _number(through)]

    async def note_delivered(self, partition: int, through: str, server_runs: str) -> None:
        """See the port."""
        self._of(partition).delivered = through, server_runs

    async def delivered(self, partition: int) -> tuple[str, str] | None:
        """See the port."""
        return self._of(partition).delivered

    async def outbox_flushes(self, partition: int) -> int:
        """See the port."""
        at = self._of(partition)
        return sum(end >= at.outbox[0][0] for end in at.flush_ends) if at.outbox else 0

    async def scan(self, partition: int, cursor: int, count: int) -> tuple[int, list[tuple[str, bytes]]]:
        """See the port. The cursor is the next bucket; buckets are returned whole."""
        buckets = self._of(partition).buckets
        found: list[tuple[str, bytes]] = []
        while cursor < keys.BUCKETS and len(found) < count:
            found += buckets[cursor].items()
            cursor += 1
        return cursor % keys.BUCKETS, found

    def passed(self, cursor: int, customer_id: str) -> bool:
        """See the port."""
        return keys.bucket(customer_id.encode()) < cursor

    async def stage(self, partition: int, rows: Sequence[tuple[str, bytes]]) -> None:
        """See the port."""
        self._of(partition).staged.update(rows)

    async def unstage(self, partition: int) -> None:
        """See the port."""
        self._of(partition).staged.clear()

    async def swap(self, partition: int, metadata: PartitionMetadata) -> None:
        """See the port."""
        at = self._of(partition)
        at.buckets = _Partition().buckets
        for customer_id, row in at.staged.items():
            at.bucket(customer_id)[customer_id] = row
        at.staged.clear()
        at.delivered = None
        stored = at.metadata or PartitionMetadata(0, "", 0)
        at.metadata = replace(metadata, epoch=stored.epoch, owner="", flush_number=stored.flush_number + 1)


def _number(position: str) -> int:
    return int(position.partition("-")[0])
