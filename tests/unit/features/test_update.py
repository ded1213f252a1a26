"""Effects of events on a row, compared with hand-computed numbers."""

from math import inf, log, nan

import numpy as np
import pytest

from streamseg.features.fields import SOURCES
from streamseg.features.layout import Attribute, Layout
from streamseg.features.update import Source, _hashes, absorb
from streamseg.topics import CLICKS, CONSENTS, ERASURES, INPUT_TOPICS, PROFILES, PURCHASES
from tests.support.rows import DAY, MONEY, NOON, Slab, click, consent, erasure, item, profile, purchase, refund


def test_sources_have_the_order_of_the_input_topics() -> None:
    assert INPUT_TOPICS == (CLICKS, PURCHASES, PROFILES, CONSENTS, ERASURES)
    assert [source.name for source in Source] == ["CLICKS", "PURCHASES", "PROFILES", "CONSENTS", "ERASURES"]
    assert len(Source) == SOURCES


def test_a_view_a_half_life_ago_counts_half() -> None:
    slab = Slab(Layout.of(half_life_days=30, recent_half_life_days=10))
    slab.feed([click(NOON), click(NOON + 30 * DAY)])
    assert slab.sum("views") == pytest.approx(1.5)
    assert slab.sum("recent_views") == pytest.approx(1.125)
    assert slab.sum("clicks") == pytest.approx(1.5)
    assert slab.rows.last_seen[0] == slab.rows.last_click[0] == NOON + 30 * DAY
    assert slab.rows.first_seen[0] == NOON
    assert slab.rows.last_purchase[0] == -inf


def test_a_later_batch_decays_the_sums() -> None:
    slab = Slab(Layout.of(half_life_days=30, recent_half_life_days=10))
    slab.feed([click(NOON)])
    slab.feed([consent(NOON + 30 * DAY, ads=True)])
    assert (slab.sum("views"), slab.sum("recent_views")) == (0.5, 0.125)
    slab.feed([click(NOON + 60 * DAY)])
    assert slab.sum("views") == 1.25


def test_a_late_event_is_added_at_its_age() -> None:
    slab = Slab(Layout.of(half_life_days=30))
    slab.feed([click(NOON + 30 * DAY)])
    slab.feed([click(NOON)])
    assert slab.sum("views") == pytest.approx(1.5)
    assert slab.rows.last_seen[0] == NOON + 30 * DAY


@pytest.mark.parametrize(
    ("name", "counted"),
    [
        ("view_item", "views"),
        ("view_item_list", "lists"),
        ("select_item", "lists"),
        ("search", "searches"),
        ("add_to_cart", "carts"),
        ("remove_from_cart", "removals"),
        ("add_to_wishlist", "wishes"),
        ("begin_checkout", "checkouts"),
        ("session_start", "sessions"),
        ("something_of_the_shop", None),
    ],
)
def test_each_click_counts_by_its_name(name: str, counted: str | None) -> None:
    slab = Slab()
    slab.feed([click(NOON, name)])
    counts = ("clicks", "sessions", "views", "lists", "searches", "carts", "removals", "wishes", "checkouts")
    assert {count for count in counts if slab.sum(count)} == {"clicks", counted} - {None}


def test_items_browsed_add_prices_and_categories() -> None:
    slab = Slab(Layout.of(categories=("Trail Shoes",)))
    slab.feed(
        [
            click(NOON, items=[item(price=9.0, item_category="trail shoes"), item(price=99.0, item_category="Socks")]),
            click(NOON, "add_to_cart", [item(item_category="TRAIL-SHOES")]),
            click(NOON, "view_item_list", [item(price=5.0, item_category="Socks")]),
        ]
    )
    assert slab.sum("lines_browsed") == 2
    assert slab.sum("price_browsed") == pytest.approx(log(10) + log(100))
    assert slab.sum("category_trail_shoes") == 2
    assert slab.sum("category_other") == 1


def test_brands_count_in_their_hash_group_if_configured() -> None:
    slab = Slab(Layout.of(brand_groups=4))
    slab.feed(
        [
            click(NOON, items=[item(item_brand="Trail Co"), item(item_brand=None), item(item_brand=" ?")]),
            click(NOON, "view_item_list", [item(item_brand="Trail Co")]),
        ]
    )
    slab.feed([purchase(NOON, 9.0, [item(item_brand="TRAIL-CO", quantity=5)])])
    assert sorted(slab.sum(f"brand_group_{n}") for n in range(4)) == [0, 0, 0, 2]
    assert not any(name.startswith("brand") for name in Layout.of().sum_index)


def test_devices_are_counted() -> None:
    slab = Slab()
    slab.feed(
        [
            click(NOON, device_category="mobile"),
            click(NOON, device_category="other"),
            click(NOON - DAY),
        ]
    )
    assert slab.sum("mobile") == 1
    assert slab.sum("devices") == 2


def test_a_line_counts_a_dozen_pieces_at_most() -> None:
    """Petrol is sold in millilitres: 40,000 of them are no large order."""
    slab = Slab()
    slab.feed([purchase(NOON, 60.0, [item(quantity=40_000), item(quantity=12), item(quantity=2), item(quantity=0.5)])])
    assert slab.sum("items") == 12 + 12 + 2 + 0.5


def test_a_purchase_adds_its_order() -> None:
    slab = Slab()
    bought = [item(price=30.0, quantity=2, discount=10.0), item(price=20.0, quantity=1, coupon="SPRING")]
    slab.feed([purchase(NOON, 80.0, bought), purchase(NOON, 20.0)])
    assert slab.sum("purchases") == 2
    assert slab.sum("spend") == 100
    assert slab.sum("items") == 3
    assert slab.sum("order_log") == pytest.approx(log(81) + log(21))
    assert slab.sum("order_log_squared") == pytest.approx(log(81) ** 2 + log(21) ** 2)
    assert slab.sum("lines_bought") == 2
    assert slab.sum("price_bought") == pytest.approx(log(31) + log(21))
    assert slab.sum("discount") == 0.25
    assert slab.sum("coupons") == 1
    assert slab.sum("recent_spend") == 100
    assert slab.rows.transactions[0] == 2
    assert slab.rows.spend_minor[0] == 10_000
    assert slab.rows.last_purchase[0] == NOON


def test_a_refund_subtracts_spend_and_does_not_count_as_a_purchase() -> None:
    slab = Slab()
    slab.feed([purchase(NOON, 80.0), refund(NOON + DAY, 30.05)])
    assert slab.rows.spend_minor[0] == 4995
    assert slab.rows.transactions[0] == 1
    assert slab.rows.last_purchase[0] == NOON
    assert slab.rows.last_seen[0] == NOON + DAY
    assert slab.sum("refunds") == 1
    assert slab.sum("spend") == pytest.approx(80 * 2 ** (-1 / 30) - 30.05)


def test_undecayed_spend_is_exact_for_any_age() -> None:
    slab = Slab()
    slab.feed([purchase(NOON + i * 400 * DAY, 0.1) for i in range(40)])
    assert slab.rows.spend_minor[0] == 400
    assert np.isfinite(slab.rows.sums[0]).all()


def test_events_decades_apart_leave_finite_sums() -> None:
    slab = Slab(Layout.of(half_life_days=0.01, recent_half_life_days=0.001))
    slab.feed([click(NOON), click(0.0), click(NOON + 30 * 365 * DAY)])
    assert slab.sum("clicks") == 1
    slab.feed([purchase(0.0, 1e9)])
    assert slab.sum("purchases") == 0
    assert slab.rows.transactions[0] == 1


def test_replayed_events_are_counted_and_change_nothing() -> None:
    slab = Slab()
    events = [click(NOON + i) for i in range(5)]
    slab.feed(events)
    before = slab.stored()
    absorbed = slab.feed(events, offset=0)
    assert (absorbed.replayed, absorbed.duplicates, absorbed.mask.tolist()) == (5, 0, [False] * 5)
    assert slab.stored() == before


def test_the_last_applied_offset_is_kept_per_source() -> None:
    slab = Slab()
    slab.feed([click(NOON)], offset=100)
    assert slab.feed([purchase(NOON)], offset=0).mask.all()
    assert slab.rows.last_applied[0].tolist() == [100, 0, -1, -1, -1]


def test_an_id_sent_twice_counts_once_within_the_ring() -> None:
    slab = Slab(Layout.of(remembered_event_ids=2))
    first = click(NOON, event_id="same")
    absorbed = slab.feed([first, first])
    assert (absorbed.duplicates, absorbed.mask.tolist()) == (1, [True, False])
    assert slab.feed([click(NOON), first]).duplicates == 1
    assert slab.rows.events[0] == 2
    assert slab.rows.last_applied[0, Source.CLICKS] == 3
    slab.feed([click(NOON), click(NOON)])
    assert slab.feed([first]).duplicates == 0  # two other events pushed the id out of the ring


def test_the_ring_keeps_the_latest_ids_of_a_batch_longer_than_the_ring() -> None:
    slab = Slab(Layout.of(remembered_event_ids=3))
    slab.feed([click(NOON, event_id=f"n{i}") for i in range(8)])
    absorbed = slab.feed([click(NOON, event_id=f"n{i}") for i in range(8)])
    assert absorbed.mask.tolist() == [True] * 5 + [False] * 3


def test_ids_are_compared_within_a_customer_and_a_source() -> None:
    slab = Slab(customers=("c-1", "c-2"))
    same = [click(NOON, event_id="1"), click(NOON, event_id="1"), click(NOON, event_id="1")]
    assert slab.feed(same, slots=[0, 1, 0]).mask.tolist() == [True, True, False]
    assert slab.feed([purchase(NOON, event_id="1")]).mask.all()


def test_without_a_ring_no_duplicates_are_detected() -> None:
    slab = Slab(Layout.of(remembered_event_ids=0))
    same = click(NOON)
    assert slab.feed([same, same]).mask.all()
    assert slab.rows.events[0] == 2


def test_an_erasure_leaves_only_its_marker() -> None:
    slab = Slab()
    slab.feed([click(NOON), click(NOON + 1)])
    slab.feed([purchase(NOON)])
    slab.rows.seq[0] = 7
    slab.feed([erasure(NOON + 10)])
    fresh = Slab()
    fresh.rows.last_applied[0] = [1, 0, -1, -1, 0]
    fresh.rows.erased_at[0] = NOON + 10
    fresh.rows.seq[0] = 7
    assert slab.stored() == fresh.stored()


def test_events_before_an_erasure_are_ignored_but_their_offsets_are_applied() -> None:
    slab = Slab()
    slab.feed([erasure(NOON)])
    absorbed = slab.feed([click(NOON - 1), click(NOON), click(NOON + 1)])
    assert absorbed.mask.tolist() == [False, False, True]
    assert absorbed.erased == 2
    assert slab.sum("clicks") == 1
    assert slab.rows.last_applied[0, Source.CLICKS] == 2


def test_a_late_erasure_keeps_a_row_that_began_after_it() -> None:
    slab = Slab()
    slab.feed([click(NOON + 5)])
    slab.feed([erasure(NOON)])
    assert slab.sum("clicks") == 1
    assert slab.feed([erasure(NOON - 9)]).erased == 1
    assert slab.rows.erased_at[0] == NOON


def test_the_latest_consent_is_kept_per_purpose_and_a_refusal_wins_a_tie() -> None:
    slab = Slab()
    slab.feed([consent(NOON, ads=True, personalisation=True), consent(NOON - 5, ads=False)])
    assert (slab.rows.ads[0], slab.rows.personalisation[0]) == (1, 1)
    slab.feed([consent(NOON, ads=False)])
    assert (slab.rows.ads[0], slab.rows.personalisation[0]) == (0, 1)
    slab.feed([consent(NOON, ads=True)])
    assert slab.rows.ads[0] == 0
    slab.feed([consent(NOON + 1, ads=True)])
    assert slab.rows.ads[0] == 1


def test_consent_to_analytics_is_kept_like_the_others() -> None:
    slab = Slab()
    slab.feed([consent(NOON, analytics=True), consent(NOON - 5, analytics=False)])
    assert (slab.rows.analytics[0], slab.rows.analytics_at[0], slab.rows.ads[0]) == (1, NOON, -1)
    slab.feed([consent(NOON, analytics=False)])
    assert (slab.rows.analytics[0], slab.rows.ads_at[0]) == (0, -np.inf)


def test_profiles_keep_the_latest_value_of_configured_attributes() -> None:
    slab = Slab(Layout.of(attributes=(Attribute("age"), Attribute("country", ("nl", "se")))))
    slab.feed([profile(NOON, age=41, country="se", shoe_size=43), profile(NOON - 5, age=40)])
    assert slab.rows.attributes[0].tolist() == [41.0, 1.0]
    slab.feed([profile(NOON + 1, country="atlantis")])
    assert slab.rows.attributes[0].tolist() == pytest.approx([41.0, nan], nan_ok=True)
    slab.feed([profile(NOON + 2, age=None, country="NL")])
    assert slab.rows.attributes[0].tolist() == pytest.approx([nan, 0.0], nan_ok=True)


def test_item_prices_in_other_currencies_are_converted() -> None:
    slab = Slab()
    slab.feed([purchase(NOON, 10.0, [item(price=10.0)], currency="USD")])
    assert slab.rows.spend_minor[0] == 500
    assert slab.sum("price_bought") == pytest.approx(log(6.0))
    slab.feed([click(NOON, items=[item(price=8.0)], currency="USD"), click(NOON, items=[item(price=8.0)])])
    slab.feed([click(NOON, items=[item(price=8.0)], currency="XTS")])
    assert slab.sum("lines_browsed") == 2  # a price in a currency without a rate is not counted
    assert slab.sum("price_browsed") == pytest.approx(log(5.0) + log(9.0))


def test_an_empty_batch_changes_nothing() -> None:
    slab = Slab()
    absorbed = absorb(slab.rows, Source.CLICKS, np.array([], dtype=np.intp), np.array([], dtype=np.int64), [], MONEY)
    assert len(absorbed.mask) == 0


def test_short_ids_of_different_topics_are_different_events() -> None:
    """A seed alone made the click "e-2" and the erasure "e-3" alike: the erasure was dropped as a duplicate."""
    ids = [f"e-{n}" for n in range(100)] + [str(n) for n in range(100)] + [f"e-{n:04d}" for n in range(100)]
    clicks = [click(NOON, event_id=one) for one in ids]
    erasures = [erasure(NOON, event_id=one) for one in ids]
    hashes = [*_hashes(Source.CLICKS, clicks).tolist(), *_hashes(Source.ERASURES, erasures).tolist()]
    assert len(set(hashes)) == len(hashes)
