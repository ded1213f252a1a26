"""The ways in which the customers of a simulated shop change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Change:
    """What happens at half time. Times are days."""

    moving: float = 0.0
    """Share of customers who become another kind."""
    over: float = 0.0
    """Days from the first to the last sign of it in each customer; 0 for at once."""
    newcomers: bool = False
    """The last kind has no customers before, and joins within ten days."""
    sale: float = 0.0
    """Length of a sale: twice as many visits, more purchases and nearly all of them discounted."""


CHANGES: Final[Mapping[str, Change]] = {
    "sudden": Change(moving=0.15),
    "drift": Change(moving=0.25, over=40.0),
    "new": Change(newcomers=True),
    "sale": Change(sale=7.0),
}
"""sudden: customers become another kind from one day to the next; drift: within 40 days; new: a kind appears; sale: a
week after which everybody is as before, so that nobody should change segment for good."""
