"""Adds figures that people can check to what was observed: orders a month and money per order, of all that is known.

Decayed sums follow customers who change, but nobody can check "15 EUR a month" of somebody who spent 132 EUR in 16
months. Descriptions compare the former and say the latter. What comes from too few visits or days is taken out: one
Saturday is no habit.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from streamseg.clustering.encode import Floats
from streamseg.features.aggregates import DAY_PARTS
from streamseg.features.catalogue import Feature
from streamseg.features.formulas import RATE_DAYS, Moment

LEAST_DAYS: Final = 14.0
"""A customer known for less has no orders a month: the first order alone would be two of them."""
LEAST_VISIT_DAYS: Final = 4.0
"""Days with a visit that a habit of day or week needs."""
HABITS: Final = (*(f"{part}_share" for part in DAY_PARTS), "weekend_share")


def with_real_figures(known: Mapping[str, Feature], observed: Floats) -> tuple[dict[str, Feature], Floats]:
    """Return the features and observations (n, d) with the real figures added at the end, and without weak habits."""
    values, places = observed.copy(), {name: place for place, name in enumerate(known)}
    if "visit_days" in places:
        few = ~(values[:, places["visit_days"]] >= LEAST_VISIT_DAYS)
        for name in HABITS:
            values[few, places[name]] = np.nan
    orders, days, spent = (values[:, places[name]] for name in ("transactions", "tenure", "lifetime_spend"))
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(days >= LEAST_DAYS, RATE_DAYS * orders / days, np.nan)
        each = np.where(orders > 0, spent / orders, np.nan)
    currency = known["lifetime_spend"].unit
    added = (
        Feature("orders_a_month", "orders", "all orders over the time known", True, _of_samples),
        Feature("spend_per_order", currency, "all money spent over all orders", True, _of_samples),
    )
    return {**known, **{one.name: one for one in added}}, np.column_stack([values, rate, each])


def _of_samples(moment: Moment) -> Floats:
    """Refuse: these are figures of samples, not of rows."""
    raise TypeError(f"{len(moment.slots)} rows cannot tell figures that are computed of samples")
