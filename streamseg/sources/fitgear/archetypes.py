"""FitGear's customer archetypes: the true groups that clustering should find."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Archetype:
    """The typical behaviour of a customer of this kind; each customer deviates from it (see `population`).

    Shares are in [0, 1].
    """

    label: str
    share: float
    """Share of the customers at the start."""
    sessions: float
    """Per day."""
    buying_share: float
    """Share of sessions that end in a purchase."""
    views: float
    """Items viewed per session."""
    cart_share: float
    """Share of viewed items that are put in the cart, in sessions without a purchase."""
    items: float
    """Different items per purchase."""
    price_taste: float
    """Mean position of the items between the cheapest (0) and the most expensive (1) of their category."""
    discount_share: float
    """Share of purchased items that are discounted."""
    weekend_share: float
    hour: float
    """Mean hour of day at which sessions start."""
    mobile_share: float
    age: float
    categories: dict[str, float]
    """Weights by name. All other categories have a small weight."""
    searches: float = 0.3
    """Per session."""
    refund_share: float = 0.03
    """Share of purchases."""
    buys_at_once: bool = False
    """Whether the first session ends in a purchase."""
    fades_after_days: float | None = None
    """Days after which there are hardly any sessions; None for never."""


ARCHETYPES: Final = (
    Archetype(
        "Daily Athletes", 0.15, sessions=0.75, buying_share=0.2, views=4.5, cart_share=0.12, items=2.6,
        price_taste=0.68, discount_share=0.08, weekend_share=0.27, hour=7.5, mobile_share=0.6, age=31,
        categories={"performance gear": 6, "nutrition": 3, "footwear": 2, "equipment": 1},
    ),
    Archetype(
        "Weekend Warriors", 0.24, sessions=0.3, buying_share=0.13, views=5.0, cart_share=0.15, items=1.8,
        price_taste=0.38, discount_share=0.35, weekend_share=0.82, hour=14.0, mobile_share=0.5, age=42,
        categories={"leisure wear": 6, "footwear": 2, "accessories": 2}, buys_at_once=True,
    ),
    Archetype(
        "Beginners", 0.19, sessions=0.1, buying_share=0.01, views=3.5, cart_share=0.04, items=4.2,
        price_taste=0.25, discount_share=0.1, weekend_share=0.3, hour=19.0, mobile_share=0.7, age=27,
        categories={"basic sets": 8, "accessories": 2, "equipment": 1}, buys_at_once=True,
    ),
    Archetype(
        "Window Shoppers", 0.18, sessions=0.5, buying_share=0.008, views=8.0, cart_share=0.04, items=1.2,
        price_taste=0.6, discount_share=0.1, weekend_share=0.32, hour=21.0, mobile_share=0.85, age=24,
        categories={"performance gear": 3, "footwear": 3, "leisure wear": 2, "equipment": 2},
    ),
    Archetype(
        "Bargain Hunters", 0.13, sessions=0.4, buying_share=0.18, views=6.5, cart_share=0.45, items=2.2,
        price_taste=0.12, discount_share=0.85, weekend_share=0.25, hour=20.0, mobile_share=0.4, age=37,
        categories={"leisure wear": 3, "accessories": 3, "basic sets": 1, "nutrition": 2}, searches=0.9,
        refund_share=0.09,
    ),
    Archetype(
        "Lapsed Regulars", 0.11, sessions=0.6, buying_share=0.32, views=3.5, cart_share=0.3, items=2.0,
        price_taste=0.7, discount_share=0.15, weekend_share=0.28, hour=18.0, mobile_share=0.45, age=48,
        categories={"footwear": 3, "equipment": 3, "nutrition": 2}, buys_at_once=True,
        fades_after_days=25,
    ),
    Archetype(
        "Gift Givers", 0.0, sessions=0.25, buying_share=0.5, views=2.5, cart_share=0.3, items=6.0,
        price_taste=0.6, discount_share=0.03, weekend_share=0.2, hour=12.5, mobile_share=0.2, age=52,
        categories={"gift cards": 6, "accessories": 2, "equipment": 1}, searches=0.8,
    ),
)  # fmt: skip
"""The last one has no customers until demand drifts."""

LABELS: Final = tuple(archetype.label for archetype in ARCHETYPES)
DYING: Final = LABELS.index("Bargain Hunters")
"""Has no customers after the drift."""
HEIRS: Final = LABELS.index("Weekend Warriors")
"""Gets most customers of the dying archetype."""
LAPSED: Final = LABELS.index("Lapsed Regulars")
BORN: Final = LABELS.index("Gift Givers")
"""Has no customers before the drift."""
