"""The demo's measures: quantiles as Prometheus computes them, and moves between segments."""

import json

import pytest

from streamseg.commands.demo._measures import Measures, quantile


def test_quantiles_are_interpolated_within_a_bucket() -> None:
    buckets = [(0.01, 50.0), (0.02, 100.0), (float("inf"), 100.0)]

    assert quantile(buckets, 0.5) == pytest.approx(0.01)
    assert quantile(buckets, 0.75) == pytest.approx(0.015)


def test_a_quantile_above_the_last_bound_is_the_last_bound() -> None:
    assert quantile([(1.0, 0.0), (float("inf"), 10.0)], 0.5) == 1.0


def test_without_observations_there_is_no_quantile() -> None:
    assert quantile([], 0.5) is None
    assert quantile([(1.0, 0.0), (float("inf"), 0.0)], 0.5) is None


def test_a_move_is_an_exit_with_an_entry_and_a_first_entry_is_not_a_move() -> None:
    measures = Measures()
    entered = {"segmentation": "behaviour", "segment": "b", "change": "entered"}
    exited = {"segmentation": "behaviour", "segment": "a", "change": "exited"}
    for changes in ([entered], [exited, entered]):
        measures.take_change(json.dumps({"customer_id": "c", "as_of": 5, "changes": changes}).encode())

    assert measures.moves == 1
    assert [(move.exited, move.entered) for move in measures.latest] == [("a", "b"), (None, "b")]


def test_moves_are_those_between_segments_that_were_found() -> None:
    measures = Measures(declared={"status": ()})
    declared = [
        {"segmentation": "status", "segment": "status-prospect", "change": "exited"},
        {"segmentation": "status", "segment": "status-customer", "change": "entered"},
    ]
    measures.take_change(json.dumps({"customer_id": "c", "as_of": 5, "changes": declared}).encode())
    assert (measures.moves, list(measures.latest)) == (0, [])
