"""Segments drawn at random, described as the trainer describes them, and what a reader takes each word to say."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamseg.clustering.description.apart import apart
from streamseg.clustering.description.difference import Figures, Observations
from streamseg.clustering.description.naming import Label, labels, traits
from streamseg.clustering.description.persona import persona
from streamseg.clustering.description.real_figures import with_real_figures
from streamseg.clustering.encode import Floats
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Attribute, Layout

LAYOUT = Layout.of(
    counted=("channel", "browser", "platform"),
    search_groups=dict.fromkeys(("gift", "urgent", "problem", "price"), ("word",)),
    categories=("Shoes",),
    attributes=(Attribute("country", ("NL", "SE")), Attribute("age", typical=42), Attribute("children")),
    brand_groups=4,
)
PLAIN = catalogue(LAYOUT)
KNOWN, _ = with_real_figures(PLAIN, np.empty((0, len(PLAIN))))


def known_share(values: Floats) -> float:
    """Return the share of the known values that are above 0."""
    return float(np.mean(values[~np.isnan(values)] > 0))


def orders_a_day(m: dict[str, Floats]) -> float:
    """Return the median of those who have been known for two weeks or more."""
    known = m["tenure"] >= 14
    return float(np.median(m["transactions"][known] / m["tenure"][known]))


TRUE_OF: dict[str, Callable[[dict[str, Floats]], object]] = {
    "non_buyers": lambda m: np.mean(m["transactions"] > 0) <= 0.1,
    "one_time_buyers": lambda m: np.mean(m["transactions"] == 1) >= 0.5,
    "repeat_buyers": lambda m: np.median(m["transactions"]) >= 2,
    "regular_buyers": lambda m: orders_a_day(m) >= 1 / 30 and np.median(m["transactions"]) >= 6,
    "frequent_buyers": lambda m: orders_a_day(m) >= 1 / 30 and np.median(m["transactions"]) >= 3,
    "rare_buyers": lambda m: np.mean(m["transactions"] > 0) >= 0.5 and orders_a_day(m) <= 1 / 87,
    "big_spenders": lambda m: np.median(m["lifetime_spend"]) > 0,
    "bargain_hunters": lambda m: np.nanmedian(m["discount_share"]) >= 0.2,
    "full_price_buyers": lambda m: np.nanmedian(m["discount_share"]) <= 0.03,
    "coupon_users": lambda m: np.nanmedian(m["coupon_share"]) >= 0.3,
    "stock_up_buyers": lambda m: np.nanmedian(m["items_per_order"]) >= 2.5,
    "single_item_buyers": lambda m: np.nanmedian(m["items_per_order"]) <= 1.2,
    "frequent_visitors": lambda m: np.median(m["sessions"]) >= 6,
    "rare_visitors": lambda m: np.median(m["sessions"]) <= 3,
    "cart_abandoners": lambda m: np.median(m["carts"]) >= 1 and np.nanmedian(m["cart_to_purchase"]) <= 0.4,
    "window_shoppers": lambda m: np.nanmedian(m["view_to_cart"]) <= 0.1 and np.mean(m["transactions"] > 0) <= 0.3,
    "lapsed_visitors": lambda m: np.nanmedian(m["click_recency"]) >= 45,
    "lapsed_buyers": lambda m: np.nanmedian(m["purchase_recency"]) >= 90,
    "quiet_buyers": lambda m: 30 <= np.nanmedian(m["purchase_recency"]) <= 90,
    "recent_buyers": lambda m: np.nanmedian(m["purchase_recency"]) <= 30,
    "weekend_shoppers": lambda m: np.nanmedian(m["weekend_share"]) >= 0.5 and np.mean(m["visit_days"] >= 4) >= 0.5,
    "weekday_shoppers": lambda m: np.nanmedian(m["weekend_share"]) <= 0.2 and np.mean(m["visit_days"] >= 4) >= 0.5,
    "newcomers": lambda m: np.median(m["tenure"]) <= 45,
    "old_acquaintances": lambda m: np.median(m["tenure"]) >= 180 and np.median(m["visit_days"]) >= 3,
    "category": lambda m: np.nanmean(m["category_shoes"]) >= 0.3,
    "with_children": lambda m: known_share(m["profile_children"]) >= 0.7,
    "without_children": lambda m: known_share(m["profile_children"]) <= 0.1,
    "mostly": lambda m: max(np.nanmean(m["profile_country_nl"]), np.nanmean(m["profile_country_se"])) >= 0.5,
}
"""What a reader takes a word to say, written down apart from the bounds in `words.py`."""


@dataclass(frozen=True)
class Described:
    """A random segment: what was observed of the members, and what is said of them."""

    members: dict[str, Floats]
    figures: Figures
    label: Label
    entry: dict[str, Any]
    """What a catalogue entry has of it."""


def observations(rows: int, **columns: Floats | float) -> Observations:
    """Return what is observed of customers of whom these columns are told, with enough visits for habits."""
    found = np.full((rows, len(PLAIN)), np.nan)
    for name, values in ({"visit_days": 9.0} | columns).items():
        found[:, list(PLAIN).index(name)] = values
    return Observations(tuple(KNOWN.values()), with_real_figures(PLAIN, found)[1])


def random_shop(rng: np.random.Generator, rows: int) -> Observations:
    """Return customers of three random groups of whom some data are missing."""
    group = rng.integers(0, 3, rows)

    def level(scale: float, least: float = 0.0) -> Floats:
        each = rng.choice([0.02, 0.3, 1.0, 3.0], 3)
        return least + scale * each[group] * rng.lognormal(0, 0.4, rows)

    def part() -> Floats:
        return np.clip(rng.beta(2, 2, 3)[group] + rng.normal(0, 0.1, rows), 0.0, 1.0)

    orders = np.floor(level(3.0))
    bought = orders > 0
    columns: dict[str, Floats] = {
        "transactions": orders,
        "purchases": np.where(bought, level(1.0), 0.0),
        "recent_purchases": np.where(bought, level(1.0), 0.0),
        "purchase_recency": np.where(bought, level(60.0), np.nan),
        "spend": np.where(bought, level(80.0), 0.0),
        "lifetime_spend": orders * level(60.0),
        "expected_spend": np.where(orders > 1, level(50.0), 0.0),
        "order_value": np.where(bought, level(60.0), np.nan),
        "order_value_spread": np.where(orders > 1, part(), np.nan),
        "price_bought": np.where(bought, level(30.0), np.nan),
        "items_per_order": np.where(bought, level(2.0, 1.0), np.nan),
        "items": np.where(bought, level(5.0), 0.0),
        "refunds": np.where(bought, level(0.03), 0.0),
        "discount_share": np.where(bought, part() * rng.choice([0.0, 0.1, 0.6]), np.nan),
        "coupon_share": np.where(bought, part(), np.nan),
        "favourite_brand_share": np.where(bought, part(), np.nan),
        "sessions": level(6.0),
        "recent_sessions": level(6.0),
        "views": level(20.0),
        "carts": level(3.0) * rng.choice([0.0, 1.0]),
        "click_recency": level(25.0),
        "tenure": level(120.0),
        "visit_days": np.ceil(level(5.0)),
        "weekend_share": part(),
        "morning_share": part(),
        "category_shoes": part(),
    }
    columns["view_to_cart"] = np.where(columns["carts"] > 0, part() * 0.4, 0.0)
    columns["cart_to_purchase"] = np.where(columns["carts"] > 0, part(), np.nan)
    dutch = rng.random(rows) < part()
    told = rng.random(rows) < 0.7
    columns["profile_country_nl"] = np.where(told, dutch, np.nan)
    columns["profile_country_se"] = np.where(told, ~dutch, np.nan)
    columns["profile_children"] = np.where(told, np.floor(level(1.5)), np.nan)
    return observations(rows, **columns)


def random_segments(seed: int, shops: int, rows: int = 240) -> Iterator[list[Described]]:
    """Yield the described segments of random shops."""
    rng = np.random.default_rng(seed)
    for _ in range(shops):
        shop = random_shop(rng, rows)
        by = str(rng.choice(["sessions", "transactions", "weekend_share", "tenure", "purchase_recency"]))
        segment = (
            rng.integers(0, 4, rows)
            if rng.random() < 0.3
            else np.digitize(np.nan_to_num(shop.column(by)), [0.1, 1.0, 5.0, 40.0])
        )
        present = [int(one) for one in np.unique(segment) if np.sum(segment == one) >= 5]
        figures = [shop.figures(segment == one) for one in present]

        def against(
            place: int, others: Sequence[int], shop: Observations = shop, segment: Any = segment, present: Any = present
        ) -> Figures:
            return shop.figures(segment == present[place], np.isin(segment, [present[other] for other in others]))

        named = labels([f"s-{one}" for one in present], figures, [1] * len(present), {}, KNOWN, beside=against)
        described = []
        for place, (one, label) in enumerate(zip(present, named, strict=True)):
            other = present[place - 1]
            beside = shop.figures(segment == one, segment == other) if other != one else {}
            entry = {
                "described": int(np.sum(segment == one)),
                "share": float(np.mean(segment == one)),
                "value_share": float(rng.random()),
                "label_words": label,
                "persona": persona(figures[place], KNOWN, "EUR", None),
                "apart": apart(figures[place], KNOWN),
                "nearest": f"s-{other}" if other != one else None,
                "apart_from_nearest": apart(beside, KNOWN),
                "traits": traits(figures[place], KNOWN),
                "given_name": None,
            }
            members = {name: shop.values[segment == one, i] for i, name in enumerate(KNOWN)}
            described.append(Described(members, figures[place], label, entry))
        yield described
