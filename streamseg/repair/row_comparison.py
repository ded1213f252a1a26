"""Compare live rows with the rows that a pass over the log gives, field by field."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from streamseg.features.rows import Rows, Slots

RELATIVE_TOLERANCE: Final = 1e-3
"""Tolerance of decayed sums: they are float32 and rescaled with every batch."""
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
    "analytics",
    "analytics_at",
    "spend_minor",
    "attributes",
    "attribute_at",
)
"""Fields that must be equal. The fields of settling, sampling and recent event ids are not compared: they depend on the
order of events. Nor are visits: rows of the release before begin without them."""
IDENTIFIERS: Final = ("identified_at", "identifiers")
"""Fields that must be equal in rows that know all identifiers: those that were written before rows kept any do not."""

Kind = Literal["lost", "doubled", "different"]
"""`lost`: events are missing in the live row. `doubled`: it holds too many. `different`: any other field differs."""


@dataclass(frozen=True, slots=True)
class RowDifference:
    """One field in which a live row differs from the log. Values are text."""

    customer_id: str
    field: str
    live: str
    replayed: str
    kind: Kind


def customers_with(differences: Sequence[RowDifference], kind: Kind) -> int:
    """Return the number of customers with a difference of this kind."""
    return len({one.customer_id for one in differences if one.kind == kind})


def compare_rows(
    customers: Sequence[str], live: Rows, live_slots: Slots, replayed: Rows, replayed_slots: Slots
) -> Iterator[RowDifference]:
    """Yield the differences between two rows of each customer. Slots have shape (n,), in the order of `customers`."""
    for name in COUNTS:
        in_store = live.slab[name][live_slots].astype(np.int64)
        by_log = replayed.slab[name][replayed_slots].astype(np.int64)
        for i in np.flatnonzero(in_store != by_log).tolist():
            kind: Kind = "lost" if in_store[i] < by_log[i] else "doubled"
            yield RowDifference(customers[i], name, str(in_store[i]), str(by_log[i]), kind)
    knows_all = ~live.identified_from[live_slots].any(axis=1)
    for name in (*EXACT, *IDENTIFIERS, "sums"):
        one, other = live.slab[name][live_slots], replayed.slab[name][replayed_slots]
        differs = _sums_differ(one, other) if name == "sums" else _differ(one, other)
        found = differs.reshape(len(customers), -1).any(axis=1) & (knows_all | (name not in IDENTIFIERS))
        for i in np.flatnonzero(found).tolist():
            # Hashes of identifiers are not shown: they can be tried with known addresses.
            shown = ("", "") if name == "identifiers" else (str(one[i]), str(other[i]))
            yield RowDifference(customers[i], name, *shown, "different")


def _differ(one: NDArray[np.generic], other: NDArray[np.generic]) -> NDArray[np.bool_]:
    both_missing = (one != one) & (other != other)  # noqa: PLR0124  NaN
    differs: NDArray[np.bool_] = (one != other) & ~both_missing
    return differs


def _sums_differ(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.bool_]:
    # A refund can leave a sum near 0, so the tolerance is relative to the largest sum of the row.
    scale = np.maximum(np.abs(one), np.abs(other)).max(axis=1, initial=0.0)[:, None]
    differs: NDArray[np.bool_] = np.abs(one - other) > RELATIVE_TOLERANCE * np.maximum(scale, RELATIVE_TOLERANCE)
    return differs
