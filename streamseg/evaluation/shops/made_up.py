"""The shops: groceries with weekly baskets, fashion with seasons and returns, and one drawn at random."""

from typing import Final

import numpy as np

from streamseg.evaluation.shops.kinds import SHARES, Habits, Kind, Shop

GROCERY: Final = Shop(
    (
        Kind("Weekly families", 0.34, Habits(0.17, 0.92, 28.0, 2.6, 0.18, 0.55, 3.0, 0.01)),
        Kind("Top-up singles", 0.26, Habits(0.45, 0.9, 5.0, 3.1, 0.1, 0.25, 1.5, 0.01)),
        Kind("Offer planners", 0.18, Habits(0.3, 0.7, 14.0, 2.0, 0.6, 0.3, 9.0, 0.01)),
        Kind("Monthly stockers", 0.12, Habits(0.045, 0.85, 40.0, 3.4, 0.25, 0.6, 6.0, 0.01)),
        Kind("Organic gourmets", 0.1, Habits(0.14, 0.85, 9.0, 6.8, 0.05, 0.35, 4.0, 0.02)),
    ),
    spread=0.35,
    own_weekday=0.75,
    household=0.35,
)
FASHION: Final = Shop(
    (
        Kind("Browsers", 0.36, Habits(0.3, 0.02, 1.3, 35.0, 0.3, 0.35, 9.0, 0.15)),
        Kind("Trend buyers", 0.2, Habits(0.35, 0.16, 2.2, 48.0, 0.1, 0.3, 7.0, 0.3)),
        Kind("Sale buyers", 0.2, Habits(0.18, 0.2, 2.6, 22.0, 0.85, 0.4, 6.0, 0.12)),
        Kind("Try-on returners", 0.12, Habits(0.22, 0.3, 5.0, 55.0, 0.2, 0.3, 5.0, 0.65)),
        Kind("Premium loyals", 0.12, Habits(0.12, 0.35, 1.8, 130.0, 0.05, 0.25, 3.0, 0.08)),
    ),
    spread=0.45,
    season=0.45,
)
LEAST_SHARE: Final = 0.06


def random_shop(seed: int) -> Shop:
    """Draw the number of kinds (3 to 8), their sizes, habits and separation, and the differences within them."""
    rng = np.random.default_rng([seed, 77])
    count = int(rng.integers(3, 9))
    sizes = LEAST_SHARE + (1.0 - count * LEAST_SHARE) * rng.dirichlet(np.full(count, 1.5))
    separation = rng.uniform(0.5, 1.1)
    middle = Habits(0.2, 0.25, 3.0, 20.0, 0.25, 0.3, 4.0, 0.05)
    kinds = []
    for number, share in enumerate(sizes.tolist()):
        values = {}
        for name in Habits.__slots__:
            value, moved = getattr(middle, name), separation * rng.normal()
            odds = value / (1.0 - value) * np.exp(moved)
            values[name] = float(odds / (1.0 + odds) if name in SHARES else value * np.exp(moved))
        kinds.append(Kind(f"group {number + 1}", share, Habits(**values)))
    return Shop(
        tuple(kinds),
        spread=float(rng.uniform(0.2, 0.5)),
        season=float(rng.uniform(0.0, 0.4)),
        own_weekday=float(rng.uniform(0.0, 0.6)),
    )
