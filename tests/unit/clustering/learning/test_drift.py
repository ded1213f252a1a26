"""The drift watch: an alarm when distances rise, none when they fall, the same after a restore, and what it calls."""

from dataclasses import replace

import numpy as np

from streamseg.clustering.learning.drift import MAX_VALUES, DriftWatch
from streamseg.time_units import DAY_SECONDS
from tests.support.shoppers import KINDS, day_of_samples, learner

HOUR = 3600.0


def feed(watch: DriftWatch, hours: range, mean: float) -> bool:
    rng = np.random.default_rng(hours.start)
    for hour in hours:
        for n in range(4):
            watch.update(hour * HOUR + n, float(rng.normal(mean, 0.1)))
    return watch.alarm


def test_rising_distances_set_the_alarm_and_falling_ones_do_not() -> None:
    watch = DriftWatch(HOUR)
    assert not feed(watch, range(200), 1.0)
    assert not feed(watch, range(200, 400), 0.5)
    assert feed(watch, range(400, 500), 1.5)


def test_a_watch_made_from_its_values_continues_exactly() -> None:
    watch = DriftWatch(HOUR)
    feed(watch, range(MAX_VALUES + 300), 1.0)
    again = DriftWatch(HOUR, watch.fed, watch.filling)
    assert len(watch.fed) <= MAX_VALUES
    for step in range(60):
        hours = range(MAX_VALUES + 300 + step, MAX_VALUES + 301 + step)
        assert feed(watch, hours, 1.3) == feed(again, hours, 1.3)
    assert watch.alarm
    assert watch.fed == again.fed


def hour_of_the_first_challenge(*, on_drift: bool) -> float:
    """Return when a model is challenged first, in hours of the day on which everybody is another one than before."""
    model, offset = learner(challenges_on_drift=on_drift), 0
    for day in range(14):
        for n, sample in enumerate(day_of_samples(day, customers=96, kinds=KINDS * (30.0 if day == 13 else 1.0))):
            model.learn(replace(sample, at=day * DAY_SECONDS + n * DAY_SECONDS / 96), offset)
            offset += 1
            if model.challenge_due():
                model.challenge()
    return min(one.at for one in model.snapshot().challenges if one.at > 13 * DAY_SECONDS) / HOUR - 13 * 24


def test_where_everybody_changes_in_a_night_the_challenge_comes_hours_earlier() -> None:
    """Distances have to double for that: at half as much more ADWIN needs a day, and the daily challenge is there."""
    assert hour_of_the_first_challenge(on_drift=True) <= 5.0
    assert hour_of_the_first_challenge(on_drift=False) > 9.0, "or the alarm would not be needed"
