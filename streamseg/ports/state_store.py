"""The store of rows, with what each partition keeps beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from streamseg.membership.types import OutboxEntry

FLUSH_ROWS: Final = 2_000
"""Rows in one `Flush`, at most: 10,000 block Redis for 26 ms."""


@dataclass(frozen=True, slots=True)
class PartitionMetadata:
    """The lease of a partition and how far its rows have read the log.

    `epoch`, `owner` and `flush_number` are the lease. `checkpoint` maps a topic to the next offset to read, `topics`
    maps a topic to (topic id, partition count). `layout` is the fingerprint of the rows' layout, `sizes` the number of
    members per segment id. `gathered`: the rows also hold events of other partitions, from before the topics had their
    present partition count.
    """

    epoch: int
    owner: str
    flush_number: int
    checkpoint: Mapping[str, int] = field(default_factory=dict)
    topics: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    layout: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)
    gathered: bool = False


Flow = tuple[str | None, str | None]
"""A way between segments of one segmentation, from and to; None is no segment: entered, or left."""


@dataclass(frozen=True, slots=True)
class Flows:
    """How many customers moved on one day, by flow. `day` counts UTC days since 1970 on the partition's clock."""

    day: int
    counts: Mapping[Flow, int]


@dataclass(frozen=True, slots=True)
class Flush:
    """One fenced write: rows as (customer id, row), None deletes the row; outbox entries; new metadata, None keeps it.

    `flows` are the moves of these rows; they are added to those of their day. `due` says for customers when they must
    be looked at if no event comes, epoch seconds (whole seconds count); infinite if never.

    The store refuses it unless `owner` and `flush_number` equal the stored ones, and then adds one to the stored flush
    number (DESIGN.md, Exactly-once effect).
    """

    owner: str
    flush_number: int
    rows: Sequence[tuple[str, bytes | None]] = ()
    outbox: Sequence[OutboxEntry] = ()
    checkpoint: Mapping[str, int] | None = None
    sizes: Mapping[str, int] | None = None
    flows: Flows | None = None
    due: Sequence[tuple[str, float]] = ()


class StateStore(Protocol):
    """Rows, metadata and outbox of each partition. Every call may raise `StoreUnavailableError`.

    After that error on a write, the stored flush number tells whether the write happened.
    """

    async def check(self) -> None:
        """Raise `SettingsError` when the server is unfit (evicts data, too old, read-only).

        Called when a worker or a rebuild starts.
        """
        ...

    async def memory(self) -> Mapping[str, tuple[int, int]]:
        """Return used bytes and the limit (0: none) of each primary server, by name. Called by workers for metrics."""
        ...

    async def metadata(self, partition: int) -> PartitionMetadata | None:
        """Return the partition's metadata, None before the first claim.

        Called by the lease to learn what an uncertain write did, and by every reader of rows.
        """
        ...

    async def claim(
        self, partition: int, owner: str, layout: str, now_ms: int, follows: Sequence[str] = ()
    ) -> PartitionMetadata:
        """Make `owner` the only writer of the partition; return the new metadata. Called by the lease at a reset.

        The epoch becomes max(stored + 1, `now_ms`) and the flush number rises by one; the rest stays.

        Args:
            partition: the partition to claim.
            owner: a name unique to this worker process.
            layout: fingerprint of the layout that the owner writes.
            now_ms: wall time, epoch milliseconds.
            follows: fingerprints of other layouts whose rows the owner can read.

        Raises:
            LayoutMismatchError: the stored layout is neither `layout` nor in `follows`.
        """
        ...

    async def layouts(self) -> dict[str, bytes]:
        """Return the description (JSON) of every layout that rows were ever written in, by fingerprint.

        Called at the start of workers, the API and verify.
        """
        ...

    async def remember_layout(self, fingerprint: str, written: bytes) -> None:
        """Store a layout's description for good: its rows may be read much later. Called before its first claim."""
        ...

    async def set_topics(self, partition: int, owner: str, topics: Mapping[str, tuple[str, int]]) -> None:
        """Store the ids and partition counts of the topics that the checkpoint refers to. Called after a claim.

        Raises `FlushRefusedError` when another owner has claimed the partition.
        """
        ...

    async def load(self, partition: int, customer_ids: Sequence[str]) -> list[bytes | None]:
        """Return rows in the order asked, None for a customer without one. Called when a run needs rows not in memory.

        Takes any number of customers; the ids must belong to the partition.
        """
        ...

    async def flush(self, partition: int, flush: Flush) -> str | None:
        """Write all of `flush` or nothing; return the position of its last outbox entry, None without entries.

        Called by the lease. Raises `FlushRefusedError` when owner or flush number differ from the stored ones, and
        `ValueError` for more than `FLUSH_ROWS` rows.
        """
        ...

    async def flows(self, partition: int, since: int = 0, until: int | None = None) -> list[Flows]:
        """Return the moves by day from day `since` to day `until`, oldest first; days without moves are left out.

        At most 400 days are kept: a day replaces the one 400 days before it. Called by `streamseg segments changes`,
        and by the console each second, for a few days.
        """
        ...

    async def due(self, partition: int, now: float, count: int) -> list[str]:
        """Return up to `count` customers whose look is due at `now` (epoch seconds), the earliest first.

        Called by partitions, once a second at most.
        """
        ...

    async def outbox(self, partition: int, after: str = "-") -> list[tuple[str, OutboxEntry]]:
        """Return the entries after a position as (position, entry), oldest first; entries of a flush may share one.

        Called by the outbox relay after a claim; "-" starts at the oldest entry.
        """
        ...

    async def trim_outbox(self, partition: int, through: str) -> None:
        """Delete entries up to and including a position. Called by the relay after the redelivery window."""
        ...

    async def note_delivered(self, partition: int, through: str, server_runs: str) -> None:
        """Store that entries up to a position were delivered, and to which runs of the servers (see `server_runs`).

        Called by the relay every few seconds, also by one whose lease has ended: what it stores is true all the same.
        """
        ...

    async def delivered(self, partition: int) -> tuple[str, str] | None:
        """Return what `note_delivered` stored last as (position, server runs). Called by the relay after a claim."""
        ...

    async def outbox_flushes(self, partition: int) -> int:
        """Return how many flushes have entries in the outbox. Called by the relay every few seconds, for a metric."""
        ...

    async def scan(self, partition: int, cursor: int, count: int) -> tuple[int, list[tuple[str, bytes]]]:
        """Return the next cursor and about `count` rows as (customer id, row).

        Called in a loop by sweeps, verify and rebuild: start with cursor 0, end when it is 0 again. Every row that
        exists from start to end is returned, some more than once.
        """
        ...

    def passed(self, cursor: int, customer_id: str) -> bool:
        """Return whether a scan that has returned `cursor` has listed the customer's part of the rows completely.

        Does not block. Never for cursor 0, which begins a scan.
        """
        ...

    async def stage(self, partition: int, rows: Sequence[tuple[str, bytes]]) -> None:
        """Write rows apart from the live ones; only `swap` and `unstage` see them. Called by rebuild."""
        ...

    async def unstage(self, partition: int) -> None:
        """Delete staged rows. Called by rebuild before it stages: an interrupted one may have left some."""
        ...

    async def swap(self, partition: int, metadata: PartitionMetadata) -> None:
        """Replace the live rows by the staged ones and the metadata by `metadata`, in one step. Called by rebuild.

        Epoch and outbox stay, the flush number rises by one and the owner becomes empty, whatever `metadata` holds: a
        worker that still owns the partition is refused from then on. What `note_delivered` stored is forgotten: after
        topics were grown, the changes in the outbox must reach other partitions of the change topic.
        """
        ...
