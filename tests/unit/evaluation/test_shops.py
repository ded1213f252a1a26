"""The simulated shops that nothing was tuned on, and what changes in them."""

from collections import Counter

import numpy as np
import pytest

from streamseg.evaluation.event_stream import EventStream
from streamseg.evaluation.in_process_worker import InProcessWorker
from streamseg.evaluation.shops import CHANGES, SHOPS, simulated
from streamseg.settings import Settings
from streamseg.sources.event import SourceEvent
from streamseg.time_units import DAY_SECONDS

END = 1_700_000_000.0
HALF = END - 20 * DAY_SECONDS


def made(shop: str, change: str, customers: int = 60) -> EventStream:
    return simulated(shop, change, 3, customers=customers, days=40, ends_at=END)


def purchases(events: list[SourceEvent], begin: float, end: float) -> int:
    return sum(event.kind == "purchase" and begin <= event.occurred_at < end for event in events)


@pytest.mark.parametrize("shop", list(SHOPS))
def test_a_shop_gives_the_same_valid_events_in_order_of_time(shop: str) -> None:
    events, again = (list(made(shop, "sudden").events()) for _ in range(2))
    assert [event.value for event in events] == [event.value for event in again]
    times = [event.occurred_at for event in events]
    assert times == sorted(times)
    worker = InProcessWorker(Settings(), 1)
    worker.flush(events, END)
    assert worker.rejected == 0
    assert len({event.event_id for event in events}) == len(events)


@pytest.mark.parametrize(("change", "moving"), [("sudden", 0.15), ("drift", 0.25), ("sale", 0.0)])
def test_a_share_of_the_customers_changes_and_the_truth_says_when(change: str, moving: float) -> None:
    stream = made("grocery", change, customers=400)
    assert stream.truth is not None
    moved = [row.since for row in stream.truth if row.since is not None]
    assert len(moved) / 400 == pytest.approx(moving, abs=0.06)
    assert {*moved} <= {HALF + CHANGES[change].over / 2 * DAY_SECONDS}


def test_a_new_kind_has_no_event_before_half_time() -> None:
    stream = made("fashion", "new", customers=200)
    before, after = stream.labels(HALF), stream.labels(END)
    assert before is not None
    assert after is not None
    new = {name for name, label in after.items() if label == "Premium loyals"}
    assert len(new) > 10
    assert new.isdisjoint(before)
    times = [event.occurred_at for event in stream.events() if event.customer_id in new]
    assert min(times) >= HALF


def test_a_sale_doubles_purchases_for_a_week_and_changes_nobody_for_good() -> None:
    sale, other = (list(made("fashion", change, customers=200).events()) for change in ("sale", "sudden"))
    week = HALF, HALF + 7 * DAY_SECONDS
    assert purchases(sale, *week) > 1.8 * purchases(other, *week)
    assert purchases(sale, HALF + 12 * DAY_SECONDS, END) < 1.4 * purchases(other, HALF + 12 * DAY_SECONDS, END)


def test_weekly_baskets_lie_on_the_own_weekday_of_a_customer() -> None:
    bought: dict[str, Counter[int]] = {}
    for event in made("grocery", "sale").events():
        if event.kind == "purchase":
            bought.setdefault(event.customer_id, Counter())[int(event.occurred_at // DAY_SECONDS) % 7] += 1
    regular = [days.most_common(1)[0][1] / days.total() for days in bought.values() if days.total() >= 5]
    assert np.mean(regular) > 0.6


def test_random_shops_differ_in_their_number_of_kinds() -> None:
    shops = [SHOPS["random"](seed) for seed in range(12)]
    assert len({len(shop.kinds) for shop in shops}) > 3
    assert all(sum(kind.share for kind in shop.kinds) == pytest.approx(1.0) for shop in shops)
