"""Where rows, memberships and models are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from streamseg.membership.types import OutboxEntry


@dataclass(frozen=True, slots=True)
class PartitionMetadata:
    """What stands beside the rows of a partition: who writes it, and up to where the log is in the rows.

    `checkpoint` maps a topic to the next offset to read. `topics` maps a topic to (topic id, partition count).
    `gathered`: the rows also hold events of other partitions of the log, from before the topics were grown.
    """

    epoch: int
    owner: str
    flush_number: int
    checkpoint: Mapping[str, int] = field(default_factory=dict)
    topics: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    layout: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)
    gathered: bool = False


@dataclass(frozen=True, slots=True)
class Flush:
    """One fenced write. Rows (None removes one), outbox entries, and what moves in the head; None leaves it.

    The store refuses it unless the stored owner and flush number are `owner` and `flush_number`, and raises the
    number by one.
    """

    owner: str
    flush_number: int
    rows: Sequence[tuple[str, bytes | None]] = ()
    outbox: Sequence[OutboxEntry] = ()
    checkpoint: Mapping[str, int] | None = None
    sizes: Mapping[str, int] | None = None


class StateStore(Protocol):
    """Rows, heads and outboxes, by partition. All calls may raise `StoreUnavailableError`."""

    async def check(self) -> None:
        """Raise `SettingsError` with one line when the server must not be used (evicting policy, too old)."""
        ...

    async def metadata(self, partition: int) -> PartitionMetadata | None:
        """What stands beside the rows; None before the first claim."""
        ...

    async def claim(
        self, partition: int, owner: str, layout: str, now_ms: int, follows: Sequence[str] = ()
    ) -> PartitionMetadata:
        """Become the owner: epoch = max(stored + 1, now_ms), flush number kept and raised by one, checkpoint kept.

        Raises `LayoutMismatchError` when the stored layout is neither this one nor among those that it may follow.
        """
        ...

    async def layouts(self) -> dict[str, bytes]:
        """What every layout that rows were ever written in is made of, by fingerprint."""
        ...

    async def remember_layout(self, fingerprint: str, written: bytes) -> None:
        """Keep what a layout is made of, for ever: some of its rows may be read much later."""
        ...

    async def set_topics(self, partition: int, owner: str, topics: Mapping[str, tuple[str, int]]) -> None:
        """Write down ids and partition counts of the topics that the checkpoint speaks of."""
        ...

    async def load(self, partition: int, customer_ids: Sequence[str]) -> list[bytes | None]:
        """Rows in the order asked; None for a customer without one."""
        ...

    async def flush(self, partition: int, flush: Flush) -> str | None:
        """Write all of it or nothing; the position of the last outbox entry, None without entries.

        Raises `FlushRefusedError`. At most 2,000 rows in one call.
        """
        ...

    async def outbox(self, partition: int, after: str = "-") -> list[tuple[str, OutboxEntry]]:
        """Entries after a position, oldest first, as (position, entry); those of one flush may share a position."""
        ...

    async def trim_outbox(self, partition: int, through: str) -> None:
        """Forget entries up to and including a position."""
        ...

    async def scan(self, partition: int, cursor: int, count: int) -> tuple[int, list[tuple[str, bytes]]]:
        """List a partition's rows piece by piece, starting and ending with cursor 0; a row may come twice."""
        ...

    async def stage(self, partition: int, rows: Sequence[tuple[str, bytes]]) -> None:
        """Write rows of a rebuild beside the live ones, where nobody reads them."""
        ...

    async def unstage(self, partition: int) -> None:
        """Remove what was staged, by a rebuild that broke off."""
        ...

    async def swap(self, partition: int, head: PartitionMetadata) -> None:
        """Put the staged rows in place of the live ones, in one step, with what stands beside them.

        Epoch and outbox stay, the flush number rises, and nobody is the owner, whatever `head` says.
        """
        ...


class MembershipStore(Protocol):
    """The public strings, one per customer. All calls may raise `StoreUnavailableError`."""

    async def write(self, entries: Sequence[OutboxEntry]) -> None:
        """Set or delete by compare-and-set on (epoch, seq): an entry not newer than what stands is left out."""
        ...

    async def read(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        """Membership strings in the order asked; None for a customer without one."""
        ...


class ModelStore(Protocol):
    """Snapshots and the catalogue of segments. All calls may raise `StoreUnavailableError`."""

    async def publish(self, segmentation: str, version: int, parent: int, snapshot: bytes) -> bool:
        """Store the snapshot if the stored version is `parent` (0: none stored); False when it is not."""
        ...

    async def snapshot(self, segmentation: str) -> bytes | None:
        """The stored snapshot; None before the first."""
        ...

    async def versions(self, segmentations: Sequence[str]) -> list[int]:
        """The stored version of each; 0 for none. Cheap: asked every second."""
        ...

    async def rename(self, segment: str, name: str | None) -> None:
        """Keep the name that people gave a segment; None takes it back."""
        ...

    async def names(self) -> dict[str, str]:
        """The names that people gave, by segment id."""
        ...

    async def promote(self, segmentation: str, public_from: int) -> None:
        """Keep from when on (wall time, epoch seconds) a segmentation in shadow is public. The first word stands."""
        ...

    async def promoted(self) -> dict[str, int]:
        """What was promoted, by segmentation."""
        ...

    async def drop(self, segmentation: str, dropped_at: int) -> None:
        """Keep when (wall time, epoch seconds) a segmentation was given up, for good."""
        ...

    async def dropped(self) -> dict[str, int]:
        """What was given up, by segmentation."""
        ...

    async def write_catalogue(self, segments: Mapping[str, bytes]) -> None:
        """Set the JSON of each segment id named."""
        ...

    async def catalogue(self) -> dict[str, bytes]:
        """The JSON of every segment by id."""
        ...
