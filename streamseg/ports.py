"""What an edge needs of another edge. Every port has an in-memory twin; one contract suite runs on all."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

import msgspec

from streamseg.membership.types import OutboxEntry


class Clock(Protocol):
    """The clock of decay, gate, settling and sweeps: epoch seconds of one partition."""

    def now(self, partition: int) -> float:
        """Epoch seconds."""
        ...

    def advance(self, partition: int, latest: Mapping[str, float], behind: Collection[str]) -> None:
        """Tell the clock the greatest event time seen of each topic; a wall clock ignores it.

        `behind` names the topics of which records are waiting to be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class PartitionHead:
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

    async def head(self, partition: int) -> PartitionHead | None:
        """What stands beside the rows; None before the first claim."""
        ...

    async def claim(
        self, partition: int, owner: str, layout: str, now_ms: int, follows: Sequence[str] = ()
    ) -> PartitionHead:
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

    async def swap(self, partition: int, head: PartitionHead) -> None:
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


class EventSink(Protocol):
    """Somewhere records go. A returned call means that the receiver has them (acks from all in-sync replicas)."""

    async def send(self, records: Sequence["OutgoingRecord"]) -> None:
        """Write the records, in order per partition; a `StreamsegError` leaves open which of them are there."""
        ...


class OutgoingRecord(msgspec.Struct, frozen=True, gc=False):
    """A record to be written; without `partition`, murmur2(key) mod n decides."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of an API key: never the key itself, only `digest`, the SHA-256 of it in hex.

    `kind` is "secret" (`sk_`, server to server) or "publishable" (`pk_`, in browsers). Times are epoch seconds of wall
    time; after `expires` the key is refused. Keys of one `name` replace each other when they are rotated.
    """

    id: str
    name: str
    kind: Literal["secret", "publishable"]
    digest: str
    created: int
    expires: int | None = None


class ApiKeyStore(Protocol):
    """The keys that the API takes. All calls may raise `StoreUnavailableError`."""

    async def put(self, key: ApiKey) -> None:
        """Add the key, or replace the one with its id."""
        ...

    async def remove(self, key_id: str) -> bool:
        """False when there is none of that id."""
        ...

    async def all(self) -> list[ApiKey]:
        """Every key, oldest first."""
        ...


class TicketStore(Protocol):
    """Names for customers that tell nothing, for the address of an event stream. May raise `StoreUnavailableError`."""

    async def issue(self, customer_id: str, ttl_seconds: int) -> str:
        """A name that nobody can guess and that stands for the customer for at least so long.

        Asked again soon, it is the same one: what is kept grows with the customers, not with the pages that they open.
        """
        ...

    async def redeem(self, ticket: str) -> str | None:
        """The customer's id; None when the ticket is unknown or too old. A ticket can be redeemed again."""
        ...


class ChangeNotices(Protocol):
    """Tells that a membership string was written, nothing else, and without promise: who misses one asks anew."""

    def watch(self, customer_id: str) -> AbstractAsyncContextManager[asyncio.Event]:
        """An event that is set after each write while the context is open, and whenever notices may have been lost."""
        ...


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who is told of membership changes by webhook.

    `secret` signs (`whsec_...`, Standard Webhooks). `segments` are ids or patterns, none meaning all. For the purpose
    "ads" only changes under ads consent are sent; exits and removals always are. Without `allow_private` nothing is
    sent to addresses inside the network.
    """

    id: str
    url: str
    secret: str
    segments: tuple[str, ...] = ()
    purpose: Literal["shop", "ads"] = "shop"
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message under way to one subscriber; `attempts` have failed so far, the last one for `reason`."""

    subscriber: str
    message_id: str
    body: str
    attempts: int = 0
    reason: str = ""

    @property
    def id(self) -> str:
        """The same message to the same subscriber is the same delivery."""
        return f"{self.subscriber}/{self.message_id}"


class WebhookStore(Protocol):
    """Subscribers, and deliveries that are due, under way or parked. All calls may raise `StoreUnavailableError`."""

    async def subscribe(self, subscriber: Subscriber) -> None:
        """Add the subscriber, or replace the one with its id."""
        ...

    async def unsubscribe(self, subscriber_id: str) -> bool:
        """False when there is none of that id."""
        ...

    async def subscribers(self) -> list[Subscriber]:
        """Every subscriber, by id."""
        ...

    async def enqueue(self, deliveries: Sequence[Delivery], due: float) -> None:
        """Add deliveries, due at an epoch time; those already there or parked stay as they are."""
        ...

    async def take(self, now: float, lease_seconds: float, count: int) -> list[Delivery]:
        """The deliveries due longest. They are nobody else's during the lease, and due again after it."""
        ...

    async def done(self, delivery: Delivery) -> None:
        """Forget it."""
        ...

    async def retry(self, delivery: Delivery, due: float) -> None:
        """Keep it as it is now, due later."""
        ...

    async def park(self, delivery: Delivery) -> None:
        """Take it out of the queue and list it."""
        ...

    async def parked(self) -> list[Delivery]:
        """The deliveries that were given up."""
        ...

    async def unpark(self, delivery_id: str, due: float) -> bool:
        """Try a parked delivery anew; False when it is not parked."""
        ...

    async def waiting(self) -> int:
        """How many deliveries are due or under way."""
        ...
