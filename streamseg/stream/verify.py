"""Replays the log beside the live store and says where they differ; the workers are not disturbed.

Rows carry the offsets that they have absorbed (fences), so a copy of a row names exactly the events that it must hold:

- where the log is whole, all events up to the fences, counted once each by a full set of ids;
- where the log no longer reaches back, a row is copied twice, and the second copy must be the first plus the events
  between the two copies' fences.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import Record
from streamseg.events.types import Event
from streamseg.features.layout import FIELDS, Layout
from streamseg.features.rows import Rows
from streamseg.features.update import absorb
from streamseg.membership.encoding import decode
from streamseg.ports import MembershipStore, StateStore
from streamseg.topics import INPUT_TOPICS

RELATIVE_TOLERANCE: Final = 1e-3
"""Of decayed sums: they are kept as float32, and rescaled with every batch."""
REPLAYED_AT_ONCE: Final = 5_000
COUNTS: Final = ("events", "transactions")
EXACT: Final = (
    "first_seen",
    "last_seen",
    "last_click",
    "last_purchase",
    "erased_at",
    "ads",
    "ads_at",
    "personalisation",
    "personalisation_at",
    "spend_minor",
    "attributes",
    "attribute_at",
)
"""Fields that must agree to the last bit. Settling, sampling and the ring depend on the order of events."""


class Log(Protocol):
    """Reads a topic partition of the log."""

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """First offset kept, and next offset to be written."""
        ...

    def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """Records from `start` up to but not including `end`."""
        ...


@dataclass(slots=True)
class Difference:
    """One field in which a live row is not what the log says. Values as text."""

    customer_id: str
    field: str
    live: str
    replayed: str
    kind: str


@dataclass(slots=True)
class Verdict:
    """What was compared, and what differed."""

    customers: int = 0
    events: int = 0
    differences: list[Difference] = field(default_factory=list)
    changes_missing: int = 0
    windows: int = 0
    """Partitions of which the log is not whole: compared between two copies."""

    def customers_with(self, kind: str) -> int:
        """How many customers have a difference of this kind."""
        return len({one.customer_id for one in self.differences if one.kind == kind})


@dataclass(frozen=True, slots=True)
class Copy:
    """Rows of a partition as stored, and the checkpoint read before them."""

    checkpoint: Mapping[str, int]
    rows: Mapping[str, bytes]


async def copy_partition(state: StateStore, partition: int) -> Copy:
    """Copy a partition's rows while its worker goes on."""
    head = await state.head(partition)
    rows: dict[str, bytes] = {}
    cursor = 0
    while True:
        cursor, piece = await state.scan(partition, cursor, 1_000)
        rows.update(piece)
        if cursor == 0:
            return Copy(dict(head.checkpoint) if head else {}, rows)


class Replay:
    """A single pass over one partition's log, with a full set of ids instead of the ring."""

    def __init__(self, layout: Layout, decoder: Decoder, money: Money, belongs: Callable[[str], bool]) -> None:
        self.layout = layout
        self.rows = Rows(layout)
        self.events = 0
        self._decoder = decoder
        self._money = money
        self._belongs = belongs
        self._ids: defaultdict[str, set[tuple[int, str]]] = defaultdict(set)

    def start_from(self, rows: Mapping[str, bytes]) -> None:
        """Begin with these stored rows instead of nothing."""
        self.rows.load(list(rows), list(rows.values()))

    def take(self, source: int, records: Sequence[Record], until: Mapping[str, int]) -> Collection[str]:
        """Absorb the records up to each customer's fence; those without a fence are returned as strangers."""
        decoded = self._decoder.decode_run(source, records)
        events: list[Event] = []
        offsets: list[int] = []
        strangers = set()
        for event, offset in zip(decoded.events, decoded.offsets, strict=True):
            customer = event.customer_id
            fence = until.get(customer)
            if fence is None:
                if self._belongs(customer):
                    strangers.add(customer)
            elif offset <= fence and (source, event.event_id) not in self._ids[customer]:
                self._ids[customer].add((source, event.event_id))
                events.append(event)
                offsets.append(offset)
        missing = self.rows.missing([event.customer_id for event in events])
        self.rows.load(missing, [None] * len(missing))
        slots = self.rows.slots_of([event.customer_id for event in events])
        self.events += len(events)
        absorb(self.rows, source, slots, np.array(offsets, dtype=np.int64), events, self._money)
        return strangers

    def compare(self, live: Mapping[str, bytes]) -> list[Difference]:
        """Where the live rows are not what was replayed."""
        standing = Rows(self.layout, len(live) + 1)
        standing.load(list(live), list(live.values()))
        absent = self.rows.missing(live)
        self.rows.load(absent, [None] * len(absent))
        ours, theirs = self.rows.slots_of(list(live)), standing.slots_of(list(live))
        return [
            *self._counts(standing, theirs, ours, list(live)),
            *self._values(standing, theirs, ours, list(live)),
        ]

    def _counts(
        self, live: Rows, theirs: "np.typing.NDArray[np.intp]", ours: "np.typing.NDArray[np.intp]", ids: Sequence[str]
    ) -> Iterable[Difference]:
        for name in COUNTS:
            stored = live.slab[name][theirs].astype(np.int64)
            counted = self.rows.slab[name][ours].astype(np.int64)
            for i in np.flatnonzero(stored != counted).tolist():
                kind = "lost" if stored[i] < counted[i] else "doubled"
                yield Difference(ids[i], name, str(stored[i]), str(counted[i]), kind)

    def _values(
        self, live: Rows, theirs: "np.typing.NDArray[np.intp]", ours: "np.typing.NDArray[np.intp]", ids: Sequence[str]
    ) -> Iterable[Difference]:
        known = {one.name for one in FIELDS}
        for name in (*(name for name in EXACT if name in known), "sums"):
            stored, counted = live.slab[name][theirs], self.rows.slab[name][ours]
            if name == "sums":
                # Cancelling amounts (a refund) leave sums near 0: compare with what the row holds at its largest.
                scale = np.maximum(np.abs(stored), np.abs(counted)).max(axis=1, initial=0.0)[:, None]
                off = np.abs(stored - counted) > RELATIVE_TOLERANCE * np.maximum(scale, 1e-3)
            else:
                off = ~((stored == counted) | ((stored != stored) & (counted != counted)))  # noqa: PLR0124  NaN
            wrong = off.reshape(len(ids), -1).any(axis=1)
            for i in np.flatnonzero(wrong).tolist():
                yield Difference(ids[i], name, str(stored[i]), str(counted[i]), "different")


def fence_of(layout: Layout, rows: Mapping[str, bytes], source: int) -> dict[str, int]:
    """The fence of each stored row for one topic."""
    read = Rows(layout, len(rows) + 1)
    read.load(list(rows), list(rows.values()))
    fences = read.slab["fences"][read.slots_of(list(rows)), source]
    return dict(zip(rows, fences.tolist(), strict=True))


async def verify_partition(
    partition: int, replay: Replay, state: StateStore, log: Log, wait: Callable[[], "AsyncIterator[None] | None"]
) -> Verdict:
    """Compare one partition. `wait` is called between two copies where the log is not whole."""
    bounds = {topic: await log.bounds(topic, partition) for topic in INPUT_TOPICS}
    verdict = Verdict()
    whole = all(first == 0 for first, _ in bounds.values())
    starts = dict.fromkeys(INPUT_TOPICS, 0)
    if not whole:
        verdict.windows = 1
        first = await copy_partition(state, partition)
        replay.start_from(first.rows)
        del wait
    live = await copy_partition(state, partition)
    for source, topic in enumerate(INPUT_TOPICS):
        fences = fence_of(replay.layout, live.rows, source)
        end = max([live.checkpoint.get(topic, 0), *(fence + 1 for fence in fences.values())])
        async for records in log.read(topic, partition, starts[topic], min(end, bounds[topic][1])):
            strangers = replay.take(source, records, fences)
            verdict.differences += [
                Difference(customer, "row", "none", f"{topic} has events", "lost") for customer in strangers
            ]
    verdict.customers, verdict.events = len(live.rows), replay.events
    verdict.differences += replay.compare(live.rows)
    return verdict


async def missing_changes(
    layout: Layout, rows: Mapping[str, bytes], memberships: MembershipStore, last: Mapping[str, tuple[int, int]]
) -> list[str]:
    """Customers whose row, membership string and last change record do not agree.

    `last` has (epoch, seq) of each customer's last change record.
    """
    read = Rows(layout, len(rows) + 1)
    read.load(list(rows), list(rows.values()))
    ids = list(rows)
    disagree = []
    for start in range(0, len(ids), 1_000):
        piece = ids[start : start + 1_000]
        for customer, string in zip(piece, await memberships.read(piece), strict=True):
            slot = read.slots[customer]
            published = int(read.published_wall[slot])
            seq = int(read.seq[slot])
            if string is None:
                if published:
                    disagree.append(customer)
                continue
            standing = decode(string)
            epoch_seq = last.get(customer)
            behind = epoch_seq is not None and epoch_seq > (standing.epoch, standing.seq)
            if standing.seq != seq or behind:
                disagree.append(customer)
    return disagree
