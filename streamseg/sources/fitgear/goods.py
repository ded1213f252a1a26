"""FitGear's goods: categories, each with items from cheap to expensive."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

CATEGORIES: Final = {
    "performance gear": (40.0, 420.0),
    "leisure wear": (15.0, 110.0),
    "basic sets": (25.0, 90.0),
    "footwear": (30.0, 190.0),
    "nutrition": (8.0, 60.0),
    "equipment": (20.0, 300.0),
    "accessories": (4.0, 45.0),
    "gift cards": (10.0, 150.0),
}
"""Prices of the cheapest and the most expensive item by category, in major units of the shop's currency."""

GOODS_PER_CATEGORY: Final = 40


@dataclass(frozen=True, slots=True)
class Goods:
    """All items, numbered category by category and from cheap to expensive in each."""

    ids: list[str]
    categories: list[str]
    prices_cents: NDArray[np.int64]

    def pick(self, category: NDArray[np.intp], taste: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return item numbers (n,) by category (position in `CATEGORIES`) and taste in [0, 1), 0 being the cheapest."""
        return category * GOODS_PER_CATEGORY + (taste * GOODS_PER_CATEGORY).astype(np.intp)


@cache
def goods() -> Goods:
    """Return all items. Prices end in .95."""
    prices = np.concatenate([np.geomspace(low, high, GOODS_PER_CATEGORY) for low, high in CATEGORIES.values()])
    names = [name for name in CATEGORIES for _ in range(GOODS_PER_CATEGORY)]
    return Goods(
        ids=[f"{name.split()[0][:4]}-{n % GOODS_PER_CATEGORY:02}" for n, name in enumerate(names)],
        categories=names,
        prices_cents=np.floor(prices).astype(np.int64) * 100 - 5,
    )
