"""FitGear as a source of events: draws one day after the other."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from streamseg.errors import SettingsError
from streamseg.sources.event import SourceEvent
from streamseg.sources.fitgear.archetypes import ARCHETYPES
from streamseg.sources.fitgear.event_writer import EventWriter
from streamseg.sources.fitgear.population import Population
from streamseg.sources.fitgear.visits import visits
from streamseg.sources.truth import TruthRow
from streamseg.time_units import DAY_SECONDS

_BUYS_AT_ONCE: Final = np.array([archetype.buys_at_once for archetype in ARCHETYPES])


class FitGear:
    """The simulated shop. Iterating yields all events in order of time, with the same bytes for the same arguments.

    Args:
        customers: number of customers at the end.
        days: length of the history.
        seed: of all random draws.
        ends_at: end of the history, epoch seconds; no event occurs at or after it.
        drift: day (from 0) on which demand changes, see `Population`; None for never.
        currency: of all prices, ISO 4217.

    Raises:
        SettingsError: no customers, no days, a negative seed, or a drift outside the days.
    """

    def __init__(
        self, customers: int, days: int, seed: int, *, ends_at: float, drift: int | None = None, currency: str = "EUR"
    ) -> None:
        if customers < 1 or days < 1 or seed < 0:
            raise SettingsError("FitGear needs at least one customer, at least one day, and a seed of 0 or more")
        if drift is not None and not 0 < drift < days:
            raise SettingsError(f"the drift must be on a day from 1 to {days - 1}, not {drift}")
        self._days = days
        self._seed = seed
        self._starts_at = float(np.floor(ends_at)) - days * DAY_SECONDS
        self._id_prefix = f"{seed:x}-{int(ends_at):x}"
        self._currency = currency
        drift_at = None if drift is None else self._starts_at + drift * DAY_SECONDS
        self._population = Population(customers, self._starts_at, days, drift_at, np.random.default_rng([seed, 0]))

    def truth(self) -> list[TruthRow]:
        """Return the archetype of each customer, and one more row for each who changes it."""
        return self._population.truth()

    def __iter__(self) -> Iterator[SourceEvent]:
        population, rng = self._population, np.random.default_rng([self._seed, 1])
        writer = EventWriter(self._id_prefix, self._currency, population, rng)
        for day in range(self._days):
            starts_at = self._starts_at + day * DAY_SECONDS
            kinds = population.kinds(starts_at)
            joining = (population.joins_at >= starts_at) & (population.joins_at < starts_at + DAY_SECONDS)
            drawn = visits(
                rng,
                population.habits(kinds),
                rate=population.active_rate(starts_at),
                joins_at=population.joins_at,
                joining=joining,
                buys_at_once=joining & _BUYS_AT_ONCE[kinds],
                day_starts_at=starts_at,
            )
            others = writer.introductions(np.flatnonzero(joining)) + writer.refunds(starts_at + DAY_SECONDS)
            yield from _merged(writer.events(drawn), others)


def _merged(events: Iterator[SourceEvent], others: list[SourceEvent]) -> Iterator[SourceEvent]:
    """Merge two series by time; at equal times `others` come first."""
    waiting = iter(sorted(others, key=lambda event: event.occurred_at))
    following = next(waiting, None)
    for event in events:
        while following is not None and following.occurred_at <= event.occurred_at:
            yield following
            following = next(waiting, None)
        yield event
    if following is not None:
        yield following
        yield from waiting
