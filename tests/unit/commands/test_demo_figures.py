"""What the demo shows is computed as Prometheus would."""

import json

import pytest

from streamseg.commands.demo._figures import Figures, quantile


def test_quantiles_are_interpolated_within_their_bucket() -> None:
    buckets = [(0.01, 50.0), (0.02, 100.0), (float("inf"), 100.0)]

    assert quantile(buckets, 0.5) == pytest.approx(0.01)
    assert quantile(buckets, 0.75) == pytest.approx(0.015)


def test_beyond_the_last_edge_the_edge_is_all_that_is_known() -> None:
    assert quantile([(1.0, 0.0), (float("inf"), 10.0)], 0.5) == 1.0


def test_without_observations_there_is_no_quantile() -> None:
    assert quantile([], 0.5) is None
    assert quantile([(1.0, 0.0), (float("inf"), 0.0)], 0.5) is None


def test_a_move_is_an_exit_with_an_entry_and_a_first_entry_is_none() -> None:
    figures = Figures()
    entered = {"segmentation": "behaviour", "segment": "b", "change": "entered"}
    exited = {"segmentation": "behaviour", "segment": "a", "change": "exited"}
    for changes in ([entered], [exited, entered]):
        figures.take_change(json.dumps({"customer_id": "c", "as_of": 5, "changes": changes}).encode())

    assert figures.moves == 1
    assert [(move.left, move.entered) for move in figures.latest] == [("a", "b"), (None, "b")]
