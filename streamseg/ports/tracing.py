"""Following single events through the path."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from streamseg.events.traceparent import TraceParent


@dataclass(frozen=True, slots=True)
class TracedEvent:
    """An event whose producer samples its trace. Times are epoch seconds."""

    parent: TraceParent
    topic: str
    partition: int
    offset: int
    customer_id: str = field(repr=False)
    """To tell whether a membership was written; it is in no span."""
    appended_at: float
    """When Kafka got it."""


@dataclass(frozen=True, slots=True)
class StageTimes:
    """When the events of one cycle were through each stage, epoch seconds."""

    read: float
    absorbed: float
    flushed: float


Traced = tuple[TracedEvent, StageTimes]


class Tracer(Protocol):
    """Gets the events that were traced. Called by the outbox relay; does not block or raise."""

    def delivered(self, traced: Sequence[Traced], now: float, written: Collection[str]) -> None:
        """Make the spans of events that were delivered at `now`; `written`: customers whose membership was written."""
        ...
