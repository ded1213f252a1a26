"""The streams of events on which segments are evaluated: FitGear's, or recorded ones."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from streamseg.sources.event import SourceEvent
from streamseg.sources.fitgear import FitGear
from streamseg.sources.truth import TruthRow, labels_at
from streamseg.time_units import DAY_SECONDS

SPAN_IN_DAYS: Final = 60
"""A stream of fewer days is divided into this many shorter ones."""

INTERVALS_PER_FLUSH: Final = 6
"""Successive intervals are flushed together as long as no customer occurs in two of them: a flush costs as much for one
customer as for twenty, and most shops have no more in ten minutes."""


@dataclass(frozen=True)
class EventStream:
    """Events in order of time, and what is known about them. Times are epoch seconds."""

    name: str
    events: Callable[[], Iterable[SourceEvent]]
    starts_at: float
    ends_at: float
    """After the last event."""
    truth: Sequence[TruthRow] | None = None
    changes_at: float | None = None
    """When behaviour changes, if known."""

    @property
    def day(self) -> float:
        """Seconds between two learns of a customer, two sweeps, and two challenges of the model."""
        return min(DAY_SECONDS, (self.ends_at - self.starts_at) / SPAN_IN_DAYS)

    @property
    def before_at(self) -> float:
        """When the segments are measured first: at the end of a day, just before the change or at half time."""
        at = self.changes_at if self.changes_at is not None else (self.starts_at + self.ends_at) / 2
        return self.starts_at + max(1, int((at - self.starts_at) / self.day)) * self.day

    def labels(self, at: float) -> Mapping[str, str] | None:
        """Return the true group of every customer at a time; None without truth."""
        if self.truth is None:
            return None
        # A customer who changes at this very moment has not shown it yet.
        return labels_at(self.truth, at - 1.0)

    def days(self) -> Iterator[tuple[float, list[SourceEvent]]]:
        """Yield the end of each day and its events, also for days without events."""
        end, held = self.starts_at + self.day, list[SourceEvent]()
        for event in self.events():
            while event.occurred_at >= end:
                yield end, held
                end, held = end + self.day, []
            held.append(event)
        yield end, held


def fitgear(seed: int, customers: int, days: int, ends_at: float) -> EventStream:
    """Return a FitGear stream that changes at half time: one archetype dies out, a new one joins, others move."""
    shop = FitGear(customers, days, seed, ends_at=ends_at, drift=days // 2)
    starts_at = ends_at - days * DAY_SECONDS
    return EventStream(
        f"fitgear-{seed}", lambda: shop, starts_at, ends_at, shop.truth(), starts_at + days // 2 * DAY_SECONDS
    )


def recorded(name: str, events: Iterable[SourceEvent], truth: Sequence[TruthRow] | None) -> EventStream:
    """Return a stream of recorded events, sorted by time. Raises `ValueError` when there are none."""
    ordered = sorted(events, key=lambda event: event.occurred_at)
    if not ordered:
        raise ValueError("there are no events to evaluate segments on")
    starts_at, latest = ordered[0].occurred_at, ordered[-1].occurred_at
    return EventStream(name, lambda: ordered, starts_at, latest + max(1.0, 1e-6 * (latest - starts_at)), truth)


def flushes(events: Iterable[SourceEvent], interval: float) -> Iterator[list[SourceEvent]]:
    """Group events for the worker: each customer is looked at once per `interval` (seconds) with events.

    Args:
        events: in order of time.
        interval: seconds between two looks at a customer.
    """
    held, seen, first = list[SourceEvent](), set[str](), 0.0
    for number, together in groupby(events, lambda event: event.occurred_at // interval):
        flush = list(together)
        customers = {event.customer_id for event in flush}
        if held and (number - first >= INTERVALS_PER_FLUSH or not customers.isdisjoint(seen)):
            yield held
            held, seen = [], set()
        if not held:
            first = number
        held += flush
        seen |= customers
    if held:
        yield held
