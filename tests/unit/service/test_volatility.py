"""Volatility: who changed segment on a day, of how many, and what is usual. Issue 17."""

from collections import Counter

import pytest

from streamseg.ports import Flow
from streamseg.service.changes import sizes_by_day
from streamseg.service.day_counts import DayCounts, date_of
from streamseg.service.volatility import Volatility, volatility_of

TODAY = 20_785
A, B, VALUE, OTHER = "behaviour-aaaa", "behaviour-bbbb", "value-aaaa", "value-bbbb"


def found(moves_by_day: dict[int, dict[Flow, int]], today: int = TODAY) -> Volatility:
    counts = DayCounts({A: 600, B: 400, VALUE: 7, OTHER: 3}, {day: Counter(one) for day, one in moves_by_day.items()})
    return volatility_of(counts, sizes_by_day(counts, 90), "behaviour", date_of(today))


def test_it_is_the_share_who_went_from_segment_to_segment() -> None:
    moves: dict[Flow, int] = {(A, B): 3, (B, A): 2, (VALUE, OTHER): 2}
    assert found({TODAY: moves}) == Volatility(0.005, None)
    came: dict[Flow, int] = {(None, A): 50, (A, B): 5}
    assert found({TODAY - 1: {(A, B): 1}, TODAY: came}).now == 0.005
    assert found({TODAY - 1: {(A, B): 5}}).now == 0.0  # of the day before


def test_the_usual_range_is_that_of_most_days_before() -> None:
    days: dict[int, dict[Flow, int]] = {TODAY - back: {(A, B): back % 3 + 1} for back in range(1, 29)}
    days[TODAY - 5] = {(A, B): 40}  # a sale
    days[TODAY] = {(A, B): 9}
    assert found(days) == Volatility(0.009, (0.001, 0.003))


@pytest.mark.parametrize(("days", "is_known"), [(6, False), (7, True)])
def test_nothing_is_usual_before_a_week(days: int, *, is_known: bool) -> None:
    moves: dict[int, dict[Flow, int]] = {TODAY - back: {(A, B): 1} for back in range(days + 1)}
    assert (found(moves).usual is not None) is is_known


def test_customers_of_a_day_before_are_those_who_were_there() -> None:
    days: dict[int, dict[Flow, int]] = {TODAY - back: {(A, B): 1} for back in range(1, 8)}
    days[TODAY] = {(None, A): 500}
    assert found(days).usual == (0.002, 0.002)
