"""Runs are absorbed tick by tick: who is looked at in between, and what such a look may change."""

from typing import Any

import numpy as np
import pytest

from streamseg import pipeline
from streamseg.clustering.identity import id_of
from streamseg.pipeline import ticks
from streamseg.pipeline.looking import look
from tests.support.path import DAY, MONEY, NOW, SEGMENTS, PathUnderTest, click, purchase, segmentation

BEGAN = NOW - DAY - (NOW - DAY) % 60
"""Begins a tick."""


def absorbed(path: PathUnderTest, *of_sources: tuple[int, list[Any]], earliest: float = 0.0) -> pipeline.AbsorbedRuns:
    runs = []
    for source, records in of_sources:
        taken = path.take(source, *records)
        path.rows.load(taken.missing, [None] * len(taken.missing))
        runs.append(pipeline.TakenRun(source, taken))
    return pipeline.absorb_runs(path.rows, runs, MONEY, path.segmentations, earliest)


def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Return the slots of each look between ticks, as they come."""
    seen: list[list[int]] = []

    def noted(rows: Any, slots: Any, *rest: Any) -> Any:
        seen.append(slots.tolist())
        return look(rows, slots, *rest)

    monkeypatch.setattr(ticks, "look", noted)
    return seen


def test_customers_whose_events_are_of_one_tick_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, path = looked_at(monkeypatch), PathUnderTest()
    clicks = [click(n, BEGAN + 600 * n + at, f"c-{n}") for n, at in enumerate((0, 1, 59.9))]
    done = absorbed(path, (0, clicks), (1, [purchase(0, 9.0, BEGAN + 1_201, "c-2")]))
    assert (looks, done.flushed, len(done.parts)) == ([], None, 2)


def test_exactly_those_with_events_of_a_later_tick_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, path = looked_at(monkeypatch), PathUnderTest()
    at = {"c-0": (0, 59), "c-1": (0, 60, 61), "c-2": (0, 119, 240)}
    clicks = [click(n, BEGAN + t, one) for n, (one, t) in enumerate((one, t) for one, all_ in at.items() for t in all_)]
    done = absorbed(path, (0, clicks))
    assert looks == [[1, 2], [2]]
    assert done.flushed is not None
    assert (done.slots.tolist(), done.flushed.tolist()) == ([0, 1, 2], [[0], [0], [0]])
    assert path.rows.events[:3].tolist() == [2, 3, 3]


def test_without_a_model_nobody_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, path = looked_at(monkeypatch), PathUnderTest(segmentation(warm=False))
    absorbed(path, (0, [click(0, BEGAN), click(1, BEGAN + 60)]))
    assert looks == []


def test_runs_of_two_topics_are_taken_in_the_order_of_ticks() -> None:
    path = PathUnderTest(segmentation(looks=2))
    purchases = [purchase(n, 30.0, BEGAN + 60 * n) for n in (1, 3, 5)]
    absorbed(path, (0, [click(n, BEGAN + 120 * n) for n in range(4)]), (1, purchases))
    rows = path.rows
    assert id_of("behaviour", int(rows.held_segment[0, 0])) == SEGMENTS[0]
    assert rows.looked_at[0, 0] == BEGAN + 300


@pytest.mark.parametrize("seed", range(5))
def test_late_events_among_many_ticks_are_not_lost(seed: int) -> None:
    rng, path = np.random.default_rng(seed), PathUnderTest()
    clicks = [click(n, BEGAN + float(at), f"c-{n % 3}") for n, at in enumerate(rng.integers(0, 1_200, 90))]
    done = absorbed(path, (0, clicks))
    assert sum(int(part.mask.sum()) for _, part in done.parts) == 90
    assert path.rows.events[:3].tolist() == [30, 30, 30]
    assert path.rows.last_applied[:3, 0].tolist() == [87, 88, 89]


def test_events_before_the_earliest_time_of_a_look_are_of_one_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, path = looked_at(monkeypatch), PathUnderTest()
    absorbed(path, (0, [click(n, BEGAN + 60 * n) for n in range(5)]), earliest=BEGAN + 180)
    assert looks == [[0]]


def test_a_later_look_of_a_tick_replaces_the_verdict_of_an_earlier_one() -> None:
    path, changes = PathUnderTest(segmentation(looks=1)), list[list[tuple[str, str]]]()
    steps = [(0, click(0, BEGAN)), (1, purchase(0, 9.0, BEGAN + 60)), (1, purchase(1, 9.0, BEGAN + 70))]
    for source, record in [*steps, *((0, click(n, BEGAN + 80)) for n in range(1, 4))]:
        slots = absorbed(path, (source, [record])).slots
        published = path.decide(slots, earliest=0.0)
        changes.append([(one.segment, one.change) for entry in published for one in entry["changes"]])
    first, second = SEGMENTS
    there, back = [(first, "exited"), (second, "entered")], [(second, "exited"), (first, "entered")]
    assert [one for one in changes if one] == [[(first, "entered")], there, back], "moves stay immediate"
    assert path.rows.since[0, 0] == BEGAN + 80


def test_since_stays_while_the_segment_stays_through_the_looks_of_a_tick() -> None:
    path = PathUnderTest(segmentation(looks=1))
    for source, record in [(0, click(0, BEGAN)), *((1, purchase(n, 9.0, BEGAN + 60 + n)) for n in range(2, 5))]:
        path.decide(absorbed(path, (source, [record])).slots, earliest=0.0)
    assert id_of("behaviour", int(path.rows.segment[0, 0])) == SEGMENTS[1]
    assert path.rows.since[0, 0] == BEGAN + 63
    assert path.rows.looked_at[0, 0] == BEGAN + 64
