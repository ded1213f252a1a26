"""Features of a row at one moment, compared with hand-computed numbers."""

import numpy as np
import pytest

from streamseg.events.types import Item
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Attribute, Layout
from streamseg.features.vector import vectors
from streamseg.settings import Settings
from tests.support.rows import DAY, NOON, Slab, click, item, profile, purchase, refund

RICH = Layout.of(
    categories=("shoes", "socks"),
    attributes=(Attribute("age", typical=35.0), Attribute("country", ("nl", "se"))),
)


def feature(slab: Slab, name: str, now: float = NOON) -> float:
    return float(vectors(slab.rows, slab.all[:1], now, [name])[0, 0])


def test_the_default_segmentations_use_features_of_the_catalogue() -> None:
    for segmentation in Settings().segmentations.values():
        assert set(segmentation.features) <= set(catalogue(Layout.of()))


def test_the_promised_features_exist() -> None:
    promised = (
        "purchase_recency", "click_recency", "views", "carts", "purchases", "sessions", "spend", "order_value",
        "order_value_spread", "items_per_order", "view_to_cart", "cart_to_purchase", "price_viewed", "price_bought",
        "discount_share", "coupon_share", "category_shoes", "category_socks", "category_other", "device_mobile_share",
        "morning_share", "weekend_share", "tenure", "recent_views", "transactions", "lifetime_spend",
    )  # fmt: skip
    assert set(promised) <= set(catalogue(RICH))


def test_a_customer_without_events_has_the_priors() -> None:
    slab = Slab()
    assert feature(slab, "purchase_recency") == feature(slab, "click_recency") == 365
    assert feature(slab, "tenure") == feature(slab, "views") == feature(slab, "spend") == 0
    assert feature(slab, "price_viewed") == pytest.approx(30)
    assert feature(slab, "order_value") == pytest.approx(60)
    assert feature(slab, "weekend_share") == pytest.approx(2 / 7)
    assert feature(slab, "category_other") == 1
    assert feature(slab, "items_per_order") == 1


def test_recency_and_tenure_count_days() -> None:
    slab = Slab()
    slab.feed([click(NOON - 3 * DAY), click(NOON - 10 * DAY)])
    slab.feed([purchase(NOON - 2 * DAY)])
    assert feature(slab, "click_recency") == pytest.approx(3)
    assert feature(slab, "purchase_recency") == pytest.approx(2)
    assert feature(slab, "tenure") == pytest.approx(10)
    assert feature(slab, "click_recency", NOON + 9999 * DAY) == 365


def test_counts_and_spend_halve_in_a_half_life_but_totals_do_not_decay() -> None:
    slab = Slab(Layout.of(half_life_days=30, recent_half_life_days=10))
    slab.feed([click(NOON), click(NOON)])
    slab.feed([purchase(NOON, 80.0)])
    names = ["views", "purchases", "spend", "recent_views", "transactions", "lifetime_spend"]
    later = vectors(slab.rows, slab.all, NOON + 30 * DAY, names)[0]
    assert later.tolist() == pytest.approx([1, 0.5, 40, 0.25, 1, 80])


def test_a_time_before_the_latest_event_is_replaced_by_that_event_s_time() -> None:
    slab = Slab()
    slab.feed([click(NOON)])
    assert feature(slab, "views", NOON - 999 * DAY) == 1
    assert feature(slab, "click_recency", NOON - 999 * DAY) == 0


def test_each_row_may_have_its_own_time() -> None:
    slab = Slab(Layout.of(half_life_days=30), customers=("c-1", "c-2"))
    slab.feed([click(NOON), click(NOON)], slots=[0, 1])
    both = vectors(slab.rows, slab.all, np.array([NOON, NOON + 30 * DAY]), ["views"])
    assert both[:, 0].tolist() == pytest.approx([1, 0.5])


def test_shares_and_levels_are_drawn_towards_their_priors() -> None:
    slab = Slab(RICH)
    slab.feed([click(NOON, items=[item(price=99.0, item_category="shoes")]), click(NOON, "add_to_cart")])
    slab.feed([purchase(NOON, 99.0, [item(price=90.0, quantity=3, discount=10.0)], coupon="HELLO")])
    assert feature(slab, "category_shoes") == pytest.approx((1 + 4 / 3) / (1 + 4))
    assert feature(slab, "price_viewed") == pytest.approx(np.sqrt(100 * 31) - 1)
    assert feature(slab, "order_value") == pytest.approx(np.sqrt(100 * 61) - 1)
    assert feature(slab, "view_to_cart") == pytest.approx((1 + 0.4) / 5)
    assert feature(slab, "cart_to_purchase") == pytest.approx((1 + 1.2) / 5)
    assert feature(slab, "discount_share") == pytest.approx((0.1 + 0.2) / 5)
    assert feature(slab, "coupon_share") == pytest.approx((1 + 0.2) / 5)
    assert feature(slab, "items_per_order") == pytest.approx((3 + 1) / (1 + 1))


@pytest.mark.parametrize(
    ("lines", "bought", "right"),
    [
        pytest.param(5, [item(price=20.0)] * 5, (50 + 1.2) / (50 + 4), id="everything in the cart is bought"),
        pytest.param(1, [item(price=20.0)], (10 + 1.2) / (10 + 4), id="carts of one line"),
        pytest.param(5, [item(price=20.0)], (10 + 1.2) / (50 + 4), id="one line of five"),
        pytest.param(5, [item(price=20.0, quantity=5)], (10 + 1.2) / (50 + 4), id="five pieces of one line of five"),
        pytest.param(5, [item()] * 5, (50 + 1.2) / (50 + 4), id="lines without prices"),
        pytest.param(5, [], (10 + 1.2) / (50 + 4), id="an order without lines counts as one line"),
        pytest.param(1, [item(price=20.0)] * 5, 1.0, id="more bought than put in the cart"),
    ],
)
def test_cart_to_purchase_compares_lines_with_lines(lines: int, bought: list[Item], right: float) -> None:
    """Issue 13, item 21: orders per line made a cart of five lines that was bought look like one left with four."""
    slab = Slab()
    for number in range(10):
        slab.feed([click(NOON, "add_to_cart", items=[item(price=20.0)]) for _ in range(lines)])
        slab.feed([purchase(NOON, 100.0, bought, transaction_id=f"t-{number}")])
    assert feature(slab, "cart_to_purchase") == pytest.approx(right)


def test_equal_orders_have_a_small_spread_and_mixed_orders_a_large_one() -> None:
    equal, mixed = Slab(), Slab()
    equal.feed([purchase(NOON, 80.0) for _ in range(9)])
    mixed.feed([purchase(NOON, 10.0 ** (1 + i % 3)) for i in range(9)])
    assert feature(equal, "order_value_spread") < 0.01
    logs = np.log1p([10, 100, 1000] * 3)
    assert feature(mixed, "order_value_spread") == pytest.approx(logs.std() * np.sqrt(9 / 10), rel=1e-3)


def test_spend_is_zero_if_refunds_exceed_purchases() -> None:
    slab = Slab()
    slab.feed([purchase(NOON, 10.0), refund(NOON, 30.0)])
    assert feature(slab, "spend") == feature(slab, "lifetime_spend") == 0
    assert slab.rows.spend_minor[0] == -2000


def test_profile_attributes_become_numbers_and_flags() -> None:
    slab = Slab(RICH)
    names = ["profile_age", "profile_country_nl", "profile_country_se"]
    assert vectors(slab.rows, slab.all, NOON, names).tolist() == [[35, 0, 0]]
    slab.feed([profile(NOON, age=52, country="se")])
    assert vectors(slab.rows, slab.all, NOON, names).tolist() == [[52, 0, 1]]


def test_a_number_that_is_missing_stays_missing_unless_a_typical_one_is_given() -> None:
    slab = Slab(Layout.of(attributes=(Attribute("income"), Attribute("age", typical=35.0))))
    names = ["profile_income", "profile_age"]
    np.testing.assert_array_equal(vectors(slab.rows, slab.all, NOON, names), [[np.nan, 35.0]])
    slab.feed([profile(NOON, income=0)])
    assert vectors(slab.rows, slab.all, NOON, names).tolist() == [[0.0, 35.0]]


def test_shares_of_one_whole_add_up_to_one() -> None:
    slab = Slab(RICH)
    slab.feed(
        [
            click(NOON + i * 7000, items=[item(item_category=c)], device_category=d)
            for i, (c, d) in enumerate(
                zip(["shoes", "socks", "hats"] * 4, ["mobile", "desktop", "tablet"] * 4, strict=True)
            )
        ]
    )
    for whole in (
        ["category_shoes", "category_socks", "category_other"],
        ["device_mobile_share", "device_desktop_share", "device_tablet_share"],
        ["night_share", "morning_share", "afternoon_share", "evening_share"],
    ):
        assert vectors(slab.rows, slab.all, NOON, whole).sum() == pytest.approx(1)


def test_skewed_features_are_never_negative() -> None:
    slab = Slab(RICH)
    slab.feed([purchase(NOON, 10.0), refund(NOON + DAY, 500.0)])
    names = [feature.name for feature in catalogue(RICH).values() if feature.skewed]
    assert (vectors(slab.rows, slab.all, NOON, names) >= 0).all()


@pytest.mark.parametrize(("groups", "tolerance"), [(8, 0.12), (64, 0.05)])
@pytest.mark.parametrize("loyalty", [0.1, 0.5, 0.9])
def test_the_favourite_brand_s_share_is_estimated_from_few_groups(
    groups: int, tolerance: float, loyalty: float
) -> None:
    rng, estimates = np.random.default_rng(3), []
    for customer in range(40):
        slab = Slab(Layout.of(brand_groups=groups))
        brands = [
            f"favourite-{customer}" if rng.random() < loyalty else f"brand-{rng.integers(10_000)}" for _ in range(300)
        ]
        slab.feed([click(NOON, items=[item(item_brand=brand) for brand in brands])])
        estimates.append(feature(slab, "favourite_brand_share"))
    assert np.mean(estimates) == pytest.approx(loyalty, abs=tolerance)


def test_a_customer_with_few_branded_lines_has_no_favourite_brand() -> None:
    slab = Slab(Layout.of(brand_groups=8))
    assert feature(slab, "favourite_brand_share") == 0
    slab.feed([click(NOON, items=[item(item_brand="a")])])
    assert feature(slab, "favourite_brand_share") == pytest.approx(0.2)
    slab.feed([click(NOON, items=[item(item_brand="a")]) for _ in range(36)])
    assert feature(slab, "favourite_brand_share") > 0.9
    assert "favourite_brand_share" not in catalogue(Layout.of())
