"""The broker gathers less where records are many, and never outside its bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.settings import KafkaSettings
from streamseg.stream.gathering import ENOUGH_RECORDS, LEAST_SECONDS, Gathering

ANSWERS = 60
MOST_SECONDS = KafkaSettings().gathering_seconds


def settled(records_per_second: float, partitions: int = 4, longest: float = MOST_SECONDS) -> float:
    """The seconds after many answers at this rate, all partitions together."""
    gathering = Gathering(longest)
    for _ in range(ANSWERS):
        gathering.saw(round(records_per_second * gathering.seconds), partitions)
    return gathering.seconds


def test_it_is_longest_at_first_and_where_records_are_few() -> None:
    assert Gathering(MOST_SECONDS).seconds == settled(0) == settled(500) == MOST_SECONDS


def test_it_is_shortest_where_records_are_many_and_in_between_answers_have_enough() -> None:
    assert settled(100_000) == pytest.approx(LEAST_SECONDS, rel=0.01)
    rate = ENOUGH_RECORDS * 4 / 0.015
    assert settled(rate) == pytest.approx(0.015, rel=0.02)
    assert settled(rate, partitions=8) == MOST_SECONDS


def test_the_setting_is_the_longest() -> None:
    assert settled(500, longest=0.1) == settled(0, longest=0.1) == 0.1
    assert settled(100_000, longest=0.1) == pytest.approx(LEAST_SECONDS, rel=0.01)
    assert settled(100_000, longest=0.005) == settled(500, longest=0.005) == 0.005


def test_one_answer_moves_it_by_a_step_only() -> None:
    gathering = Gathering(MOST_SECONDS)
    gathering.saw(100_000, 4)
    assert gathering.seconds == pytest.approx(0.018)
    assert gathering.milliseconds == 18


@given(st.lists(st.tuples(st.integers(0, 100_000), st.integers(1, 64))))
def test_it_stays_within_its_bounds(answers: list[tuple[int, int]]) -> None:
    gathering = Gathering(MOST_SECONDS)
    for records, partitions in answers:
        gathering.saw(records, partitions)
        assert LEAST_SECONDS <= gathering.seconds <= MOST_SECONDS + 1e-12
