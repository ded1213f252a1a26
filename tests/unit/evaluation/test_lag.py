"""How long it takes until changed customers are in segments of their new group."""

import numpy as np
import pytest

from streamseg.evaluation.lag import LONGEST_HOURS, LagWatch
from streamseg.sources.truth import TruthRow

HOUR = 3600.0
DAY = 24 * HOUR
IDS = [f"c-{n}" for n in range(8)]
FIRST = [TruthRow(name, "a" if n < 4 else "b") for n, name in enumerate(IDS)]


def watch(*changes: TruthRow) -> LagWatch:
    return LagWatch([*FIRST, *changes], 0.0, 100 * DAY)


def look(watched: LagWatch, codes: list[int], hours: float) -> None:
    watched.look(IDS, np.array(codes, dtype=np.uint32), hours * HOUR)


def test_the_lag_runs_from_the_change_to_the_first_look_in_a_segment_of_the_new_group() -> None:
    watched = watch(TruthRow("c-0", "b", 10 * HOUR))
    look(watched, [1, 1, 1, 1, 2, 2, 2, 2], 9)
    look(watched, [1, 1, 1, 1, 2, 2, 2, 2], 12)
    assert watched.hours is None
    look(watched, [2, 1, 1, 1, 2, 2, 2, 2], 15)
    assert watched.hours == pytest.approx(5.0)
    assert watched.group_hours is None, "no group is new"


def test_a_customer_who_is_never_found_counts_with_the_longest_lag() -> None:
    watched = watch(TruthRow("c-0", "b", 10 * HOUR))
    for hours in (9.0, 11.0, 10.0 + LONGEST_HOURS + 1):
        look(watched, [1, 1, 1, 1, 2, 2, 2, 2], hours)
    assert watched.hours == LONGEST_HOURS


def test_changes_near_the_end_do_not_count() -> None:
    watched = watch(TruthRow("c-0", "b", 80 * DAY))
    look(watched, [1, 1, 1, 1, 2, 2, 2, 2], 79 * 24)
    look(watched, [2, 1, 1, 1, 2, 2, 2, 2], 81 * 24)
    assert watched.hours is None


def test_a_new_group_is_found_when_half_of_it_is_in_a_segment_of_its_own() -> None:
    watched = watch(*(TruthRow(name, "new", 10 * HOUR) for name in IDS[:3]))
    look(watched, [1, 1, 1, 1, 2, 2, 2, 2], 9)
    look(watched, [3, 2, 2, 1, 2, 2, 2, 2], 20)
    assert watched.group_hours is None, "one of three"
    look(watched, [3, 3, 2, 1, 2, 2, 2, 2], 40)
    assert watched.group_hours == pytest.approx(30.0)
