"""What the parts of one worker share, and the small values they hand to each other."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from streamseg import pipeline
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.features.layout import Layout
from streamseg.kafka.change_topic import ChangeTopic
from streamseg.metrics import Metrics
from streamseg.ports import Clock, EventSink, MembershipStore, OutgoingRecord, StateStore
from streamseg.worker.model_cache import ModelCache


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every partition of a worker shares."""

    owner: str
    layout: Layout
    follows: Collection[str]
    """Fingerprints of the layouts that this one may take the place of."""
    decoder: Decoder
    money: Money
    clock: Clock
    state: StateStore
    memberships: MembershipStore
    sink: EventSink
    changes: ChangeTopic
    models: ModelCache
    metrics: Metrics
    rules: pipeline.PublishingRules
    misrouted_of: Callable[[int, Sequence[str]], Collection[str]]
    """Which of the customers do not belong on the partition."""
    rows_limit: Callable[[], int]
    learns_per_second: float
    margin_seconds: float
    sweep_interval_seconds: float
    retention_seconds: float
    """Customers without an event for this long leave."""
    rejected_share: tuple[float, int]
    """Limit, and over how many records."""
    topics: Mapping[str, tuple[str, int]]
    """Id and partition count of each input topic, as the broker has them now."""
    fail: Callable[[Exception], None]
    """Ends the worker: something that only a person can mend."""
    rewind: Callable[[int, Mapping[str, int | None]], None]
    """Read the topics of a partition on from these offsets; None for the beginning."""
    behind: Callable[[int, Mapping[str, int]], Collection[str]]
    """The topics of a partition of which records wait beyond these offsets."""
    session: Callable[[str, int], tuple[int, int]]
    """The reading session of a topic partition, and how many runs of it were handed out."""


@dataclass(slots=True)
class Head:
    """What this worker last wrote of the partition."""

    epoch: int
    flush_number: int
    checkpoint: dict[str, int]
    sizes: dict[str, int]


@dataclass(slots=True)
class Batch:
    """What the runs of one cycle left to be flushed."""

    slots: list[pipeline.Slots] = field(default_factory=list)
    """Rows that were touched, by run."""
    appended_at: list[float] = field(default_factory=list)
    latest: dict[str, float] = field(default_factory=dict)
    """Greatest event time by topic, epoch seconds."""
    consented: set[int] = field(default_factory=set)
    """Slots whose consent may have changed."""
    dead_letters: list[OutgoingRecord] = field(default_factory=list)
