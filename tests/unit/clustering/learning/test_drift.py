"""The drift watch: an alarm when distances rise, none when they fall, and the same after a restore."""

import numpy as np

from streamseg.clustering.learning.drift import MAX_VALUES, DriftWatch

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
