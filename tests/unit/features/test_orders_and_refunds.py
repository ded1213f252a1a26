"""Issue 13, items 10 and 12: a refund decays with its purchase, and an order is one by its transaction id."""

import pytest

from streamseg.features.layout import Layout
from streamseg.features.update import Source
from tests.support.rows import DAY, NOON, Slab, click, moment, purchase, refund

TWO_WEEKS = 14 * DAY


def test_a_refund_decays_from_the_time_of_its_purchase() -> None:
    """200 bought, 100 returned after 14 days: the same spend as if 100 had been bought."""
    slab, less = Slab(), Slab()
    slab.feed([purchase(NOON, 200.0), refund(NOON + TWO_WEEKS, 100.0, purchased_at=moment(NOON))])
    less.feed([purchase(NOON, 100.0)])
    less.feed([click(NOON + TWO_WEEKS)])
    assert slab.sum("spend") == pytest.approx(less.sum("spend"))
    assert slab.sum("spend") == pytest.approx(100 * 2 ** (-14 / 30), rel=1e-4), "72.4, and not 44.7"
    assert slab.sum("recent_spend") == pytest.approx(less.sum("recent_spend"))
    assert slab.rows.spend_minor[0] == 100_00
    assert slab.rows.last_seen[0] == NOON + TWO_WEEKS
    assert slab.rows.first_seen[0] == slab.rows.last_purchase[0] == NOON


def test_a_refund_without_the_time_of_its_purchase_decays_from_its_own() -> None:
    slab = Slab()
    slab.feed([purchase(NOON, 200.0), refund(NOON + TWO_WEEKS, 100.0)])
    assert slab.sum("spend") == pytest.approx(200 * 2 ** (-14 / 30) - 100, rel=1e-4)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_refunds_with_purchase_times_commute(order: tuple[int, ...]) -> None:
    events = [
        purchase(NOON, 200.0),
        refund(NOON + TWO_WEEKS, 100.0, purchased_at=moment(NOON)),
        refund(NOON + 2 * TWO_WEEKS, 50.0, purchased_at=moment(NOON)),
    ]
    slab = Slab()
    for n in order:
        slab.feed([events[n]])
    assert slab.sum("spend") == pytest.approx(50 * 2 ** (-28 / 30), rel=1e-4)


def test_the_time_of_the_purchase_does_not_move_a_purchase() -> None:
    slab = Slab()
    slab.feed([purchase(NOON, 200.0, purchased_at=moment(NOON - TWO_WEEKS)), purchase(NOON, 1.0)])
    assert slab.sum("spend") == pytest.approx(201.0)


def test_an_order_whose_page_is_loaded_three_times_is_one_order() -> None:
    """Case 02."""
    slab = Slab()
    loads = [purchase(NOON + at, 120.0, transaction_id="T-77") for at in (0, 190, DAY)]
    assert slab.feed(loads[:2]).duplicates == 1
    assert slab.feed(loads[2:]).duplicates == 1
    assert (slab.rows.transactions[0], slab.rows.spend_minor[0], slab.rows.events[0]) == (1, 120_00, 1)


def test_orders_of_two_customers_may_have_one_transaction_id() -> None:
    slab = Slab(customers=("c-1", "c-2"))
    both = [purchase(NOON, 5.0, transaction_id="T-1"), purchase(NOON, 5.0, transaction_id="T-1")]
    assert slab.feed(both, slots=[0, 1]).mask.all()


def test_a_refund_is_told_apart_by_its_event_id() -> None:
    slab = Slab()
    slab.feed([purchase(NOON, 80.0, transaction_id="T-1", event_id="T-1")])
    parts = [refund(NOON + 1, 10.0, transaction_id="T-1", event_id=name) for name in ("T-1", "r-2", "r-2")]
    assert slab.feed(parts).mask.tolist() == [True, True, False]
    assert slab.rows.spend_minor[0] == 60_00


def test_a_purchase_sent_twice_is_noticed() -> None:
    slab = Slab()
    one = purchase(NOON, event_id="same")
    assert slab.feed([one, one]).duplicates == 1
    assert slab.feed([one]).duplicates == 1


@pytest.mark.parametrize("between", [1, 100])
def test_a_quarter_of_the_ring_is_kept_for_the_latest_orders(between: int) -> None:
    """The bound: with the default of 8, the customer's latest 2 orders however much else happens."""
    slab = Slab(Layout.of(remembered_event_ids=8))
    orders = [purchase(NOON, 10.0, transaction_id=f"T-{n}") for n in range(3)]
    for one in orders:
        slab.feed([one])
        slab.feed([click(NOON) for _ in range(between)])
    assert [slab.feed([one]).duplicates for one in orders[1:]] == [1, 1]
    assert slab.feed([orders[0]]).duplicates == int(between == 1), "beyond the bound, unless it is among the latest 6"


def test_orders_of_one_batch_are_remembered_as_in_many() -> None:
    orders = [purchase(NOON, 10.0, transaction_id=f"T-{n}") for n in range(5)]
    whole, single = Slab(Layout.of(remembered_event_ids=16)), Slab(Layout.of(remembered_event_ids=16))
    mixed = [orders[0], refund(NOON, 1.0), *orders[1:]]
    whole.feed(mixed)
    for one in mixed:
        single.feed([one])
    assert whole.rows.ring.tolist() == single.rows.ring.tolist()
    assert sum(one != 0 for one in whole.rows.ring[0].tolist()) == 6 + 4


def test_the_latest_six_of_other_events_are_remembered() -> None:
    slab = Slab(Layout.of(remembered_event_ids=8))
    clicks = [click(NOON) for _ in range(7)]
    slab.feed(clicks)
    assert slab.feed(clicks[1:]).duplicates == 6
    assert slab.feed(clicks[:1]).duplicates == 0


def test_an_erased_customer_may_order_again_under_the_same_number() -> None:
    slab = Slab()
    slab.feed([purchase(NOON, transaction_id="T-1")])
    slab.rows.forget(slab.all)
    assert slab.feed([purchase(NOON + 1, transaction_id="T-1")]).mask.all()
    assert slab.rows.last_applied[0, Source.PURCHASES] == 1


@pytest.mark.parametrize("missing", ["undefined", "(not set)", "NULL", " ", "0"])
def test_a_word_for_a_missing_transaction_id_makes_no_orders_the_same(missing: str) -> None:
    slab = Slab()
    one, other = (purchase(NOON, 10.0, transaction_id=missing) for _ in range(2))
    assert slab.feed([one, other, one]).mask.tolist() == [True, True, False]
