"""FitGear's customers: their archetypes and own habits, and when they join, change archetype and fade."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.sources.fitgear.archetypes import (
    ARCHETYPES,
    BORN,
    DYING,
    HEIRS,
    LABELS,
    LAPSED,
    Archetype,
)
from streamseg.sources.fitgear.goods import CATEGORIES
from streamseg.sources.fitgear.newsletter import customer_id_of
from streamseg.sources.truth import TruthRow
from streamseg.time_units import DAY_SECONDS

_RATES: Final = {"sessions": 0.4, "views": 0.3, "items": 0.35}
"""Log-normal spread of rates between customers of one archetype."""
_SHARES: Final = {
    "buying_share": 0.4, "cart_share": 0.5, "price_taste": 0.55, "discount_share": 0.7, "weekend_share": 0.4,
    "mobile_share": 1.0,
}  # fmt: skip
"""Spread of shares on the logit scale, between customers of one archetype."""
_BUDGET_SHAPE: Final = 3.0
"""Shape of the Pareto distribution of pieces per item: a few customers buy several of everything."""
_HOUR_SPREAD: Final = 2.0
_OTHER_CATEGORY_WEIGHT: Final = 0.35

_EARLY_SHARE: Final = 0.8
_EARLY_DAYS: Final = 7.0
"""The early share of customers joins within these days."""
_LATEST_JOIN: Final = 0.8
"""The others join within this share of the history."""
_BORN_SHARE: Final = 0.1
_BORN_DAYS: Final = 10.0
"""Customers of the new archetype: their share, and the days after the drift in which they join."""
_MOVING_SHARE: Final = 0.07
"""Customers of lasting archetypes who change to another one."""
_INHERITED_SHARE: Final = 0.8
"""Customers of the dying archetype who change to `HEIRS`; the others lapse."""
_MOVE_DAYS: Final = 3.0
"""Days after the drift in which customers change."""
_FADED_RATE: Final = 0.02
"""Factor on the sessions of faded customers."""


@dataclass(frozen=True, slots=True)
class Habits:
    """Each customer's own numbers: arrays (customers,) with the meanings of `Archetype`."""

    sessions: NDArray[np.float64]
    views: NDArray[np.float64]
    items: NDArray[np.float64]
    buying_share: NDArray[np.float64]
    cart_share: NDArray[np.float64]
    price_taste: NDArray[np.float64]
    discount_share: NDArray[np.float64]
    weekend_share: NDArray[np.float64]
    mobile_share: NDArray[np.float64]
    hour: NDArray[np.float64]
    searches: NDArray[np.float64]
    refund_share: NDArray[np.float64]
    pieces: NDArray[np.float64]
    """Mean pieces of an item beyond the first."""
    category_edges: NDArray[np.float64]
    """Cumulative weights of the categories, (customers, categories)."""


class Population:
    """All customers of one simulation, drawn at once. Times are epoch seconds.

    Most join within the first week, the others later. With `drift_at`, demand changes from then on: Bargain Hunters
    die out (most become Weekend Warriors, the others lapse), some other customers change archetype, and a tenth of all
    customers are Gift Givers, a new archetype, who join after the drift.
    """

    def __init__(
        self, customers: int, starts_at: float, days: int, drift_at: float | None, rng: np.random.Generator
    ) -> None:
        self.ids = [customer_id_of(n) for n in range(customers)]
        shares = np.array([archetype.share for archetype in ARCHETYPES])
        self.before = rng.choice(len(ARCHETYPES), size=customers, p=shares / shares.sum())
        span = days * DAY_SECONDS
        early = rng.random(customers) < _EARLY_SHARE
        join = np.where(
            early,
            rng.random(customers) * min(_EARLY_DAYS * DAY_SECONDS, 0.5 * span),
            rng.random(customers) * _LATEST_JOIN * span,
        )
        self.joins_at = np.floor(starts_at + join)
        self.after = self.before.copy()
        self.moves_at = np.full(customers, np.inf)
        if drift_at is not None:
            self._drift(drift_at, starts_at + span, rng)
        self.age = np.clip(rng.normal(_of("age")[self.before], 9.0), 16, 90).astype(int)
        self._normal = {name: rng.standard_normal(customers) for name in (*_RATES, *_SHARES, "hour", "fades")}
        self._pareto = rng.pareto(_BUDGET_SHAPE, customers)
        fades = np.array([np.inf if a.fades_after_days is None else a.fades_after_days for a in ARCHETYPES])
        own = fades[self.before] * np.exp(0.25 * self._normal["fades"]) * DAY_SECONDS
        self.fades_at = np.where(self.after == self.before, self.joins_at + own, np.inf)
        self.fades_at = np.where(np.isfinite(self.moves_at) & (self.after == LAPSED), self.moves_at, self.fades_at)

    def _drift(self, drift_at: float, ends_at: float, rng: np.random.Generator) -> None:
        customers = len(self.ids)
        born = rng.permutation(customers)[: round(_BORN_SHARE * customers)]
        self.before[born] = self.after[born] = BORN
        arriving = min(_BORN_DAYS * DAY_SECONDS, ends_at - drift_at)
        self.joins_at[born] = np.floor(drift_at + rng.random(len(born)) * arriving)
        drawn = rng.random(customers)
        other = (self.before + rng.integers(1, DYING, size=customers)) % DYING  # positions before DYING are lasting
        dying, lasting = self.before == DYING, ~np.isin(self.before, (DYING, BORN, LAPSED))
        self.after = np.where(dying, np.where(drawn < _INHERITED_SHARE, HEIRS, LAPSED), self.after)
        self.after = np.where(lasting & (drawn < _MOVING_SHARE), other, self.after)
        moving = self.after != self.before
        self.moves_at = np.where(moving, drift_at + rng.random(customers) * _MOVE_DAYS * DAY_SECONDS, np.inf)
        late = self.moves_at <= self.joins_at  # joined after the change: has the new archetype from the start
        self.before = np.where(late, self.after, self.before)
        self.moves_at = np.where(late & (self.after != LAPSED), np.inf, self.moves_at)

    def truth(self) -> list[TruthRow]:
        """Return a row per customer, and one more for each who changes archetype."""
        rows = [TruthRow(customer, LABELS[kind]) for customer, kind in zip(self.ids, self.before.tolist(), strict=True)]
        moving = np.flatnonzero(np.isfinite(self.moves_at) & (self.after != self.before)).tolist()
        return rows + [TruthRow(self.ids[i], LABELS[self.after[i]], float(self.moves_at[i])) for i in moving]

    def active_rate(self, now: float) -> NDArray[np.float64]:
        """Return the factor on each customer's sessions (customers,): 0 before joining, almost 0 after fading."""
        return np.where(self.joins_at > now, 0.0, np.where(self.fades_at <= now, _FADED_RATE, 1.0))

    def kinds(self, now: float) -> NDArray[np.intp]:
        """Return each customer's archetype at a time (customers,), as a position in `ARCHETYPES`."""
        return np.where(self.moves_at <= now, self.after, self.before)

    def habits(self, kinds: NDArray[np.intp]) -> Habits:
        """Return each customer's own numbers for the given archetypes (customers,)."""
        rates = {name: _of(name)[kinds] * np.exp(s * self._normal[name] - s * s / 2) for name, s in _RATES.items()}
        shares = {}
        for name, spread in _SHARES.items():
            share = _of(name)[kinds]
            shares[name] = 1 / (1 + np.exp(-(np.log(share / (1 - share)) + spread * self._normal[name])))
        weights = np.array([_category_weights(archetype) for archetype in ARCHETYPES])
        return Habits(
            **rates,
            **shares,
            hour=_of("hour")[kinds] + _HOUR_SPREAD * self._normal["hour"],
            searches=_of("searches")[kinds],
            refund_share=_of("refund_share")[kinds],
            pieces=0.4 * self._pareto,
            category_edges=np.cumsum(weights, axis=1)[kinds],
        )


def _of(name: str) -> NDArray[np.float64]:
    return np.array([getattr(archetype, name) for archetype in ARCHETYPES], dtype=np.float64)


def _category_weights(archetype: Archetype) -> NDArray[np.float64]:
    weights = np.array([archetype.categories.get(name, _OTHER_CATEGORY_WEIGHT) for name in CATEGORIES])
    return np.asarray(weights / weights.sum())
