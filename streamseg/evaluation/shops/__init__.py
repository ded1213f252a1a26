"""Simulated shops on which nothing was tuned, each with four ways in which its customers change."""

from collections.abc import Callable, Mapping
from typing import Final

from streamseg.evaluation.event_stream import EventStream
from streamseg.evaluation.shops.kinds import Shop
from streamseg.evaluation.shops.made_up import FASHION, GROCERY, random_shop
from streamseg.evaluation.shops.simulation import Simulation
from streamseg.evaluation.shops.way_of_change import CHANGES

__all__ = ["CHANGES", "SHOPS", "simulated"]

SHOPS: Final[Mapping[str, Callable[[int], Shop]]] = {
    "grocery": lambda _: GROCERY,
    "fashion": lambda _: FASHION,
    "random": random_shop,
}
"""By name; each is made from the seed."""


def simulated(shop: str, change: str, seed: int, *, customers: int, days: int, ends_at: float) -> EventStream:
    """Return the stream of a shop of `SHOPS`, whose customers change at half time in a way of `CHANGES`."""
    made = Simulation(SHOPS[shop](seed), CHANGES[change], seed, customers=customers, days=days, ends_at=ends_at)
    return EventStream(f"{shop}-{change}-{seed}", lambda: made, made.starts_at, ends_at, made.truth(), made.changes_at)
