"""Deciding when a backfill is over, from the times of a partition's clock alone."""

import pytest

from streamseg.pipeline import Step, SweepKind
from streamseg.time_units import DAY_SECONDS

HOUR = DAY_SECONDS / 24
START = 1_000 * DAY_SECONDS
ORDINARY, SAMPLE, SETTLE = SweepKind.ORDINARY, SweepKind.SAMPLE, SweepKind.SETTLE


def sweeping(step: Step, now: float, *, relearned_at: float = 0.0, relearned: bool = False) -> SweepKind:
    """Let a sweep begin and end at `now`, with no input left; return what it was for."""
    kind = step.next_sweep(now, relearned_at=relearned_at, relearned=relearned)
    step.begins(kind, now)
    step.ends(kind, now, empty=False)
    return kind


def test_after_a_year_between_two_sweeps_everybody_is_sampled_then_settled_then_all_is_ordinary() -> None:
    step, end = Step(START, 6 * HOUR), START + 365 * DAY_SECONDS
    assert sweeping(step, end) is SAMPLE
    assert sweeping(step, end + 1) is ORDINARY, "the trainer has not answered yet"
    assert sweeping(step, end + 2, relearned_at=START) is ORDINARY, "it has answered to an earlier end"
    assert sweeping(step, end + 3, relearned_at=end) is SETTLE
    assert step.in_step_at == end + 3
    assert sweeping(step, end + 4, relearned_at=end) is ORDINARY


@pytest.mark.parametrize("hours", [0.1, 6.0, 12.0, 47.0])
def test_sweeps_that_keep_up_and_outages_of_hours_are_no_backfill(hours: float) -> None:
    step = Step(START, 6 * HOUR)
    for number in range(1, 200):
        assert sweeping(step, START + number * hours * HOUR) is ORDINARY
    assert step.in_step_at == START + 199 * hours * HOUR


def test_a_longer_sweep_interval_of_the_settings_is_no_backfill() -> None:
    step = Step(START, 10 * DAY_SECONDS)
    assert [sweeping(step, START + number * 11 * DAY_SECONDS) for number in range(1, 20)] == [ORDINARY] * 19


def test_sweeps_of_a_partition_with_input_left_do_not_bring_it_into_step() -> None:
    step, end = Step(START, 6 * HOUR), START + 300 * DAY_SECONDS
    for now in range(int(START + 30 * DAY_SECONDS), int(end), int(30 * DAY_SECONDS)):
        step.begins(ORDINARY, now)
        step.ends(ORDINARY, now, empty=False)
    assert step.in_step_at == START
    assert sweeping(step, end) is SAMPLE


def test_who_does_not_know_when_they_were_in_step_is_out_of_it_unless_without_customers() -> None:
    assert sweeping(Step(0.0, 6 * HOUR), START) is SAMPLE
    empty = Step(0.0, 6 * HOUR)
    empty.begins(SAMPLE, START)
    empty.ends(SAMPLE, START, empty=True)
    assert (empty.in_step_at, empty.told_at) == (START, None)


def test_a_history_on_the_wall_clock_is_one_by_the_times_of_its_events() -> None:
    step = Step(START, 6 * HOUR)
    step.absorbed([START - 300 * DAY_SECONDS] * 30 + [START] * 20, START)
    assert sweeping(step, START + 1) is SAMPLE
    step.absorbed([START] * 20, START + 2)
    assert sweeping(step, START + 3, relearned_at=START + 1) is SETTLE
    assert sweeping(step, START + 4, relearned_at=START + 1) is ORDINARY


def test_events_of_long_ago_after_everybody_was_sampled_need_another_sample() -> None:
    step = Step(START, 6 * HOUR)
    step.absorbed([START - 300 * DAY_SECONDS] * 30, START)
    assert sweeping(step, START + 1) is SAMPLE
    step.absorbed([START - 200 * DAY_SECONDS] * 30, START + 2)
    assert sweeping(step, START + 3, relearned_at=START + 1) is SAMPLE


@pytest.mark.parametrize(("late", "present"), [(19, 0), (30, 31)])
def test_few_events_that_were_offline_for_days_are_no_backfill(late: int, present: int) -> None:
    step = Step(START, 6 * HOUR)
    step.absorbed([START - 3 * DAY_SECONDS] * late + [START] * present, START)
    assert sweeping(step, START + 1) is ORDINARY


def test_late_events_of_several_sweeps_do_not_add_up() -> None:
    step = Step(START, 6 * HOUR)
    for number in range(1, 20):
        now = START + number * 6 * HOUR
        step.absorbed([now - 3 * DAY_SECONDS] * 15, now)
        assert sweeping(step, now) is ORDINARY


def test_everybody_is_settled_once_more_when_another_partition_has_led_to_a_new_model() -> None:
    step = Step(START, 6 * HOUR)
    assert sweeping(step, START + HOUR, relearned=True) is SETTLE
    waiting = Step(0.0, 6 * HOUR)
    assert sweeping(waiting, START) is SAMPLE
    assert sweeping(waiting, START, relearned=True) is ORDINARY, "it waits for its own customers"


def test_the_end_of_a_short_history_has_everybody_sampled_once_more_also_after_a_restart() -> None:
    step = Step(START, 6 * HOUR)
    assert sweeping(step, START + HOUR) is ORDINARY
    step.end_history()
    again = Step(step.in_step_at, 6 * HOUR)
    for one in (step, again):
        assert sweeping(one, START + 2 * HOUR) is SAMPLE
        assert one.history_ended
        assert sweeping(one, START + 2 * HOUR, relearned_at=START + 2 * HOUR) is SETTLE
        assert (one.in_step_at, one.history_ended) == (START + 2 * HOUR, False)


def test_an_end_that_is_told_while_the_trainer_answers_to_an_earlier_one_is_another() -> None:
    step = Step(0.0, 6 * HOUR)
    assert sweeping(step, START) is SAMPLE
    step.end_history()
    assert sweeping(step, START + HOUR, relearned_at=START) is SAMPLE
