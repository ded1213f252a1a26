"""The handover to an adopted model: who moves when."""

from itertools import pairwise

import numpy as np
import pytest

from streamseg.clustering.handover import Handover
from streamseg.clustering.sample import rank_of

DAY = 86_400.0
BEGINS = 1_795_000_000.0
SEVEN_DAYS = Handover(("behaviour-aaaa", "behaviour-bbbb"), ((0.0,), (1.0,)), BEGINS, BEGINS + 7 * DAY)
CUSTOMERS = [f"c-{number}" for number in range(7_000)]


def moved(days: float, customers: list[str] = CUSTOMERS) -> np.ndarray:
    return SEVEN_DAYS.has_moved(customers, np.full(len(customers), BEGINS + days * DAY))


def test_every_day_moves_its_share_of_the_customers_and_nobody_moves_back() -> None:
    by_day = [moved(day) for day in range(8)]
    assert not moved(-0.01).any()
    assert by_day[-1].all()
    for before, after in pairwise(by_day):
        assert not (before & ~after).any()
        assert (after & ~before).mean() == pytest.approx(1 / 7, abs=0.02)


def test_customers_who_are_sampled_move_on_other_days_too() -> None:
    """Those of the lowest ranks are sampled: the day must not follow from the rank."""
    lowest = sorted(CUSTOMERS, key=rank_of)[:1_000]
    assert moved(3.5, lowest).mean() == pytest.approx(0.5, abs=0.05)


def test_another_handover_has_another_order() -> None:
    later = Handover(SEVEN_DAYS.segments, SEVEN_DAYS.centres, BEGINS + 20 * DAY + 7, BEGINS + 27 * DAY + 7)
    first = moved(1.0)
    then = later.has_moved(CUSTOMERS, np.full(len(CUSTOMERS), later.begins + DAY))
    assert (first & then).sum() < 0.5 * first.sum()


def test_segments_that_the_adopted_model_lacks_are_closing() -> None:
    assert SEVEN_DAYS.closing(("behaviour-bbbb", "behaviour-cccc")) == ("behaviour-aaaa",)
