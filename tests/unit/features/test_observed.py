"""What was observed: no prior speaks, counts are rates, and absent data are NaN."""

import numpy as np
import pytest

from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Attribute, Layout
from streamseg.features.vector import names_hash, observed
from tests.support.rows import DAY, NOON, Slab, click, item, profile, purchase

RICH = Layout.of(categories=("shoes",), attributes=(Attribute("age", typical=35.0), Attribute("country", ("nl", "se"))))


def seen(slab: Slab, now: float = NOON) -> dict[str, float]:
    names = catalogue(slab.rows.layout)
    return dict(zip(names, observed(slab.rows, slab.all[:1], now)[0].tolist(), strict=True))


def test_nothing_is_observed_of_a_customer_who_only_visited_once() -> None:
    slab = Slab(RICH)
    slab.feed([click(NOON - 2 * DAY, "session_start")])
    found = seen(slab)
    for name in (
        "purchase_recency", "order_value", "order_value_spread", "price_viewed", "price_bought", "items_per_order",
        "view_to_cart", "cart_to_purchase", "discount_share", "coupon_share", "device_mobile_share", "category_shoes",
        "profile_age", "profile_country_nl",
    ):  # fmt: skip
        assert np.isnan(found[name]), name
    assert found["carts"] == found["purchases"] == 0
    assert found["click_recency"] == pytest.approx(2)


def test_prices_and_shares_are_those_of_the_events_alone() -> None:
    slab = Slab(RICH)
    shoes = item(price=2.5, item_category="shoes", quantity=1)
    slab.feed([click(NOON - DAY, items=[shoes], device_category="mobile")])
    slab.feed([purchase(NOON - DAY, 2.5, [shoes])])
    slab.feed([profile(NOON, age=61, country="se")])
    found = seen(slab)
    assert found["price_bought"] == pytest.approx(2.5)
    assert found["price_viewed"] == pytest.approx(2.5)
    assert found["order_value"] == pytest.approx(2.5)
    assert found["category_shoes"] == found["device_mobile_share"] == 1
    assert found["discount_share"] == found["coupon_share"] == 0
    assert (found["profile_age"], found["profile_country_nl"], found["profile_country_se"]) == (61, 0, 1)
    assert np.isnan(found["order_value_spread"]), "one order has no spread"


@pytest.mark.parametrize("days", [14, 60, 700])
def test_a_steady_habit_is_the_same_rate_however_long_it_lasts(days: int) -> None:
    slab = Slab()
    slab.feed([click(NOON - n * DAY, "session_start") for n in range(0, days, 2)])
    found = seen(slab)
    assert found["sessions"] == pytest.approx(15, rel=0.2)
    assert found["recent_sessions"] == pytest.approx(15, rel=0.25)


def test_days_have_no_cap() -> None:
    slab = Slab()
    slab.feed([purchase(NOON - 800 * DAY)])
    assert seen(slab)["purchase_recency"] == pytest.approx(800)


def test_the_names_stand_for_their_order() -> None:
    names = list(catalogue(RICH))
    assert names_hash(names) != names_hash(reversed(names))


def test_repeat_purchases_promise_more_of_them_until_silence_is_long() -> None:
    """Issue 14, number 5: expected next-90-day value. Three orders of 40 in 60 days: two repeats, one a month."""
    slab = Slab()
    slab.feed([purchase(NOON - days * DAY, 40.0) for days in (60, 30, 0)])
    assert seen(slab)["expected_spend"] == pytest.approx(90 * 2 / 60 * 40)
    assert seen(slab, NOON + 80 * DAY)["expected_spend"] == pytest.approx(90 * 2 / 140 * 40)
    assert seen(slab, NOON + 100 * DAY)["expected_spend"] == 0, "silent for three gaps of 30 days"


def test_one_purchase_promises_no_second_one() -> None:
    slab = Slab()
    slab.feed([purchase(NOON - DAY, 500.0)])
    assert seen(slab)["expected_spend"] == 0
