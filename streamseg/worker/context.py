"""What all partitions of a worker share: the ports that they use and the rules that they apply."""

from collections.abc import Mapping
from dataclasses import dataclass

from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.features.layout import Layout
from streamseg.kafka.change_topic import ChangeTopic
from streamseg.pipeline import PublishingRules
from streamseg.ports import Clock, EventSink, MembershipStore, Reader, StateStore
from streamseg.ports.tracing import Tracer


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The servers and the clock, as the partitions use them."""

    clock: Clock
    reader: Reader
    state: StateStore
    memberships: MembershipStore
    sink: EventSink
    changes: ChangeTopic
    tracer: Tracer | None = None
    """None: no event is traced, and no header is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the settings and the topics decide. Durations in seconds."""

    layout: Layout
    """Of the rows."""
    replaces: frozenset[str]
    """Fingerprints of the stored layouts that `layout` may replace."""
    segmentations: frozenset[str]
    """Every segmentation that rows were ever written with. An erasure deletes the samples of all of them."""
    topics: Mapping[str, tuple[str, int]]
    """Topic id and partition count of each input topic, as the broker reports them."""
    partitions: int
    """Partition count of every input topic."""
    decoder: Decoder
    money: Money
    publishing: PublishingRules
    learns_per_second: float
    """Samples of a partition per second, at most."""
    redelivery_window: float
    """How long delivered changes stay in the outbox: a failover may lose the last ones."""
    sweep_interval: float
    """Between two sweeps, in time of the partition's clock."""
    retention: float
    """A customer without an event for so long expires, in time of the partition's clock."""
    rejected_share_limit: float
    """The worker stops when a larger share of a topic's latest records is rejected."""
    rejected_share_window: int
    """Number of latest records that the share is taken of."""


class RowLimit:
    """How many rows each partition may keep in memory: the worker's limit, divided by its partitions."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.partitions = 1

    @property
    def per_partition(self) -> int:
        """Rows that one partition may keep."""
        return self._rows // max(self.partitions, 1)
