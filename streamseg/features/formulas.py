"""Computes feature values from rows at one moment: decayed sums, recencies, shares and levels.

Shares and levels are drawn towards a prior while there are few events, so that one event makes no extreme value. For
descriptions the same formulas give what was observed: no prior, counts as events in 30 days, uncapped days, and NaN
where there are no data (`Moment.priors`).
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamseg.features.rows import Floats, Rows, Slots
from streamseg.features.times.visits import days_visited, decayed
from streamseg.features.words import texts
from streamseg.time_units import DAY_SECONDS

SHARE_PRIOR_EVENTS: Final = 4.0
"""Number of (decayed) events that the prior of a share counts for."""
LEVEL_PRIOR_EVENTS: Final = 1.0
"""The same for levels of prices and orders, which vary less between two events of one customer."""

LEAST_OBSERVED: Final = 1e-3
"""A decayed count below this is no observation: one event of ten half-lives ago."""
LEAST_KNOWN_DAYS: Final = 7.0
"""A rate counts at least this many days: one visit of a customer who came today is no habit."""
RATE_DAYS: Final = 30.0
"""Observed counts are events in this many days."""
EXPECTED_DAYS: Final = 90.0
SILENT_GAPS: Final = 3.0

_SINGLE_PRECISION: Final = 1e-5
"""Relative rounding error of sums, which are stored in single precision."""


class Moment:
    """The rows in `slots` at `now` (epoch seconds, a scalar or shape (n,)), but never before a row's latest event.

    With `priors` formulas give the finite values that models compare; without, what was observed.
    """

    def __init__(self, rows: Rows, slots: Slots, now: float | Floats, *, priors: bool = True) -> None:
        self.rows, self.slots, self.layout = rows, slots, rows.layout
        self.priors = priors
        last_seen = rows.last_seen[slots]
        self.now: Floats = np.maximum(last_seen, now)
        self._totals = self.layout.decayed(
            rows.sums[slots], np.where(np.isfinite(last_seen), self.now - last_seen, 0.0)
        )
        self._fields: dict[str, Floats] = {}
        self._worth: dict[float, Floats] = {}
        self._visits: tuple[Floats, Floats] | None = None

    def total(self, name: str) -> Floats:
        """Return a decayed sum, shape (n,), at least 0. Features share the array: do not write to it."""
        total: Floats = self._totals[self.layout.sum_index[name]]
        return total

    @property
    def visits(self) -> tuple[Floats, Floats]:
        """Decayed visits by part of the day, shape (n, 4), and at weekends, shape (n,)."""
        if self._visits is None:
            now = np.where(np.isfinite(self.now), self.now, 0.0) + np.zeros(len(self.slots))
            self._visits = decayed(self.rows, self.slots, now)
        return self._visits

    def rate(self, name: str) -> Floats:
        """Return a decayed sum as events in `RATE_DAYS`, shape (n,).

        A steady rate r for T days makes a sum of r * h / ln 2 * (1 - 2^(-T / h)) at half-life h; this is solved for r.
        """
        habit = self.layout.sum_index[name] < self.layout.habits
        half_life = self.layout.half_life_seconds if habit else self.layout.recent_half_life_seconds
        if (worth := self._worth.get(half_life)) is None:
            days = half_life / DAY_SECONDS
            known = np.maximum((self.now - self.rows.first_seen[self.slots]) / DAY_SECONDS, LEAST_KNOWN_DAYS)
            worth = self._worth[half_life] = days / np.log(2.0) * -np.expm1(-np.log(2.0) * known / days)
        return self.total(name) * RATE_DAYS / worth

    def days_since(self, field: str, cap: float) -> Floats:
        """Return the days since a time field, at most `cap`; `cap` if the time is `NEVER`.

        Without priors there is no cap, and what never happened is NaN.
        """
        days: Floats = np.maximum((self.now - self.rows.slab[field][self.slots]) / DAY_SECONDS, 0.0)
        if self.priors:
            return np.minimum(days, cap)
        return np.where(np.isfinite(days), days, np.nan)

    def ratio(self, part: Floats, whole: Floats, prior: float, weight: float) -> Floats:
        """Return part / whole, drawn towards `prior`, which counts for `weight`.

        Without priors it is NaN where there is no whole.
        """
        if self.priors:
            return (part + weight * prior) / (whole + weight)
        found: Floats = np.full(len(whole), np.nan)
        np.divide(part, whole, out=found, where=whole > LEAST_OBSERVED)
        return found

    def field(self, name: str) -> Floats:
        """Return a field that does not decay, as floats. Features share the array: do not write to it."""
        if (values := self._fields.get(name)) is None:
            values = self._fields[name] = self.rows.slab[name][self.slots].astype(np.float64)
        return values

    def text_groups(self, index: int, parts: int, groups: int) -> Floats:
        """Return the hash group of a text attribute, shape (n,); NaN where it is missing. It is shared, too."""
        key = f"{index} of {groups}"
        if (found := self._fields.get(key)) is None:
            numbers = self.field("attributes")[:, index : index + parts]
            found = self._fields[key] = texts.group(numbers, groups)
        return found


Formula: TypeAlias = Callable[[Moment], Floats]
"""Returns one value per row of the moment, shape (n,). With priors all are finite, but for missing attributes (NaN)."""


def total(name: str) -> Formula:
    """Return the formula of a decayed sum; without priors of its rate."""
    return lambda moment: moment.total(name) if moment.priors else moment.rate(name)


def days_since(field: str, cap: float) -> Formula:
    """Return the formula of the days since a time field, at most `cap`."""
    return lambda moment: moment.days_since(field, cap)


def share(part: str, whole: Sequence[str], prior: float) -> Formula:
    """Return the formula of a sum as a share (0-1) of other sums, drawn towards `prior`."""

    def formula(moment: Moment) -> Floats:
        of = sum((moment.total(name) for name in whole), np.zeros(len(moment.slots)))
        return np.minimum(moment.ratio(moment.total(part), of, prior, SHARE_PRIOR_EVENTS), 1.0)

    return formula


def visit_share(part: int | None, prior: float) -> Formula:
    """Return the formula of the share (0-1) of visits in a part of the day, or at weekends, drawn towards `prior`."""

    def formula(moment: Moment) -> Floats:
        by_part, weekend = moment.visits
        some = weekend if part is None else by_part[:, part]
        return np.minimum(moment.ratio(some, by_part.sum(axis=1), prior, SHARE_PRIOR_EVENTS), 1.0)

    return formula


def visit_days(moment: Moment) -> Floats:
    """Return the days with a visit, of the `WINDOW` days up to the latest."""
    return days_visited(moment.rows, moment.slots)


def level(log_sum: str, count: str, prior: float) -> Formula:
    """Return the formula of the geometric mean of (1 + amount), minus 1, drawn towards `prior` (ln(1 + amount))."""

    def formula(moment: Moment) -> Floats:
        logs, events = moment.total(log_sum), moment.total(count)
        return np.expm1(moment.ratio(logs, events, prior, LEVEL_PRIOR_EVENTS))

    return formula


def order_value_spread(moment: Moment) -> Floats:
    """Return the standard deviation of ln(1 + order value). The prior is no spread around the customer's own mean.

    Without priors it is NaN for fewer than two purchases.
    """
    count = moment.total("purchases")
    own = np.maximum(count, np.finfo(np.float32).tiny)
    mean = moment.total("order_log") / own
    variance = np.maximum(moment.total("order_log_squared") / own - mean**2, 0.0)
    if not moment.priors:
        known = (moment.field("transactions") > 1) & (count > LEAST_OBSERVED)
        return np.where(known, np.sqrt(variance), np.nan)
    return np.sqrt(variance * count / (count + LEVEL_PRIOR_EVENTS))


def expected_spend(moment: Moment) -> Floats:
    """Return the spend to be expected in the next `EXPECTED_DAYS`: repeat purchases a day so far, times the mean order.

    A first purchase promises no second one, and who has been silent for `SILENT_GAPS` times the mean gap before has
    left.
    """
    orders = moment.field("transactions")
    repeats = np.maximum(orders - 1.0, 0.0)
    days = np.maximum(moment.days_since("first_seen", np.inf), RATE_DAYS)
    silent = moment.days_since("last_purchase", np.inf)
    silent = np.where(np.isfinite(silent), silent, 0.0)  # no purchase: there are no repeats either
    spent = np.maximum(moment.field("spend_minor"), 0.0) / 10.0**moment.layout.minor_units
    there = (repeats > 0) & (silent * repeats <= SILENT_GAPS * np.maximum(days - silent, RATE_DAYS))
    ahead: Floats = np.where(there, EXPECTED_DAYS * repeats / days * spent / np.maximum(orders, 1.0), 0.0)
    return ahead


def items_per_order(moment: Moment) -> Floats:
    """Return the items per purchase. The prior is one item."""
    return moment.ratio(moment.total("items"), moment.total("purchases"), 1.0, LEVEL_PRIOR_EVENTS)


def cart_to_purchase(prior: float) -> Formula:
    """Return the formula of the item lines bought per item put in the cart (0-1), drawn towards `prior`.

    Lines are compared with lines: an order of five lines empties a cart of five. A purchase counts as one line or more.
    Where lines have no price, the sum of bought lines lacks them; then the pieces bought stand in for the lines.
    """

    def formula(moment: Moment) -> Floats:
        priced, purchases = moment.total("lines_bought"), moment.total("purchases")
        all_priced = priced >= purchases * (1.0 - _SINGLE_PRECISION)
        lines = np.where(all_priced, priced, np.maximum(purchases, moment.total("items")))
        put_in = moment.total("carts")
        return np.minimum(moment.ratio(lines, put_in, prior, SHARE_PRIOR_EVENTS), 1.0)

    return formula


def favourite_share(groups: Sequence[str]) -> Formula:
    """Return the formula of the favourite's estimated share (0-1), from the sums of two or more hash groups.

    Other brands fall into the favourite's group too: on average, a share f fills it with f + (1 - f) / groups. This is
    solved for f. The prior is an even spread over the groups, so f is near 0 while there are few lines.
    """
    count = len(groups)

    def formula(moment: Moment) -> Floats:
        sums = np.stack([moment.total(group) for group in groups])
        filled = moment.ratio(sums.max(axis=0), sums.sum(axis=0), 1 / count, SHARE_PRIOR_EVENTS)
        found: Floats = np.maximum((filled - 1 / count) / (1 - 1 / count), 0.0)
        return found

    return formula


def attribute_number(index: int, typical: float | None) -> Formula:
    """Return the formula of a numeric attribute. A missing one is NaN, or with priors `typical`, if there is one."""

    def formula(moment: Moment) -> Floats:
        values = moment.field("attributes")[:, index]
        return values if typical is None or not moment.priors else np.nan_to_num(values, nan=typical)

    return formula


def attribute_among(index: int, codes: Sequence[int]) -> Formula:
    """Return the formula of a category: 1 for rows whose attribute has one of these codes, else 0.

    Without priors it is NaN where the attribute is missing.
    """
    return _told(index, lambda values: np.isin(values, codes))


def attribute_within(index: int, least: float, greatest: float) -> Formula:
    """Return the formula of a band: 1 for rows whose number lies within these limits, else 0; NaN as above."""
    return _told(index, lambda values: (values >= least) & (values <= greatest))


def text_in_group(index: int, parts: int, groups: int, group: int) -> Formula:
    """Return the formula of a hash group: 1 for rows whose text falls into it, else 0; NaN as above."""

    def formula(moment: Moment) -> Floats:
        own = moment.text_groups(index, parts, groups)
        found = (own == group).astype(np.float64)
        return found if moment.priors else np.where(np.isnan(own), np.nan, found)

    return formula


def text_begins(index: int, parts: int, beginnings: Sequence[str]) -> Formula:
    """Return the formula of a table: 1 for rows whose text begins with one of these letters, else 0; NaN as above."""

    def formula(moment: Moment) -> Floats:
        numbers = moment.field("attributes")[:, index : index + parts]
        found = np.any([texts.begins(numbers, one) for one in beginnings], axis=0).astype(np.float64)
        return found if moment.priors else np.where(np.isnan(numbers).any(axis=1), np.nan, found)

    return formula


def _told(index: int, is_so: Callable[[Floats], NDArray[np.bool_]]) -> Formula:
    def formula(moment: Moment) -> Floats:
        values = moment.field("attributes")[:, index]
        found = is_so(values).astype(np.float64)
        return found if moment.priors else np.where(np.isnan(values), np.nan, found)

    return formula
