"""The streams of events that segments are judged on."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from streamseg.sources.event import SourceEvent
from streamseg.sources.fitgear import FitGear
from streamseg.sources.truth import TruthRow, labels_at
from streamseg.time_units import DAY_SECONDS

SPAN_IN_DAYS: Final = 60
"""A stream that is shorter than this many days is judged with a day that is shorter in proportion."""

LOOKS_AT_ONCE: Final = 6
"""The looks of so many successive times are taken together, as long as no customer is due twice: a flush costs as much
for one customer as for twenty, and most shops have no more in ten minutes."""


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
    """When behaviour changes, if that is known."""

    @property
    def day(self) -> float:
        """Seconds after which a customer is learned again, customers are swept, and models are challenged."""
        return min(DAY_SECONDS, (self.ends_at - self.starts_at) / SPAN_IN_DAYS)

    @property
    def before_at(self) -> float:
        """The first of the two moments of judgement, at the end of a day: just before the change, or at half time."""
        at = self.changes_at if self.changes_at is not None else (self.starts_at + self.ends_at) / 2
        return self.starts_at + max(1, int((at - self.starts_at) / self.day)) * self.day

    def labels(self, at: float) -> Mapping[str, str] | None:
        """The true group of every customer at a moment; None where nobody knows."""
        if self.truth is None:
            return None
        # Who changes at the very moment of the judgement has not shown it yet.
        return labels_at(self.truth, at - 1.0)

    def days(self) -> Iterator[tuple[float, list[SourceEvent]]]:
        """The end of each day with its events, also of days without any."""
        end, held = self.starts_at + self.day, list[SourceEvent]()
        for event in self.events():
            while event.occurred_at >= end:
                yield end, held
                end, held = end + self.day, []
            held.append(event)
        yield end, held


def fitgear(seed: int, customers: int, days: int, ends_at: float) -> EventStream:
    """FitGear with a change of behaviour at half time: one archetype dies out, another is born, a tenth move."""
    shop = FitGear(customers, days, seed, ends_at=ends_at, drift=days // 2)
    starts_at = ends_at - days * DAY_SECONDS
    return EventStream(
        f"fitgear-{seed}", lambda: shop, starts_at, ends_at, shop.truth(), starts_at + days // 2 * DAY_SECONDS
    )


def recorded(name: str, events: Iterable[SourceEvent], truth: Sequence[TruthRow] | None) -> EventStream:
    """Events from files, put in order of time. Raises `ValueError` when there are none."""
    ordered = sorted(events, key=lambda event: event.occurred_at)
    if not ordered:
        raise ValueError("there are no events to judge segments on")
    starts_at, latest = ordered[0].occurred_at, ordered[-1].occurred_at
    return EventStream(name, lambda: ordered, starts_at, latest + max(1.0, 1e-6 * (latest - starts_at)), truth)


def flushes(events: Iterable[SourceEvent], seconds: float) -> Iterator[list[SourceEvent]]:
    """Events in order of time, by the looks that they end in: one of each customer in every time of so many seconds."""
    held, seen, first = list[SourceEvent](), set[str](), 0.0
    for number, together in groupby(events, lambda event: event.occurred_at // seconds):
        flush = list(together)
        customers = {event.customer_id for event in flush}
        if held and (number - first >= LOOKS_AT_ONCE or not customers.isdisjoint(seen)):
            yield held
            held, seen = [], set()
        if not held:
            first = number
        held += flush
        seen |= customers
    if held:
        yield held
