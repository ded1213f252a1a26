"""Agreement with a truth: known figures, groups for those without a segment, and truth files."""

from pathlib import Path

import numpy as np
import pytest

from streamseg.errors import StreamsegError
from streamseg.evaluation.agreement import agreement, offline_segments
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Layout
from streamseg.sources.truth import TruthRow, labels_at, read_truth, write_truth

TRUTH = {"a": "x", "b": "x", "c": "x", "d": "y", "e": "y", "f": "y"}


def test_equal_groups_agree_whatever_they_are_called() -> None:
    found = agreement(TRUTH, {"a": "1", "b": "1", "c": "1", "d": "2", "e": "2", "f": "2", "stranger": "3"})
    assert [found.ari, found.ami] == pytest.approx([1.0, 1.0])
    assert found.customers == 6
    assert found.confusion == {"x": {"1": 3}, "y": {"2": 3}}


def test_a_known_figure() -> None:
    """By hand: of 15 pairs 4 are together in both, 6 by label, 7 by segment."""
    found = agreement(TRUTH, {"a": "1", "b": "1", "c": "2", "d": "2", "e": "2", "f": "2"})
    together, rows, columns, pairs = 1 + 3, 6, 1 + 6, 15
    expected = rows * columns / pairs
    assert found.ari == pytest.approx((together - expected) / ((rows + columns) / 2 - expected))


def test_unassigned_and_unknown_customers_are_groups_of_their_own() -> None:
    found = agreement(TRUTH, {"a": None, "b": None, "c": None, "d": "2", "e": "2"})
    assert found.confusion == {"x": {"unassigned": 3}, "y": {"2": 2, "unknown": 1}}
    assert 0 < found.ari < 1


def test_offline_k_means_finds_clear_groups() -> None:
    rng = np.random.default_rng(1)
    centres = np.repeat(np.array([[1.0, 1e4], [5.0, 10.0], [9.0, 1e6]]), 30, axis=0)
    vectors = centres * np.exp(0.1 * rng.standard_normal(centres.shape))
    customers = [f"c{n}" for n in range(90)]
    known = catalogue(Layout.of())
    found = offline_segments(customers, vectors, [known["weekend_share"], known["spend"]], k=3)
    truth = {customer: str(n // 30) for n, customer in enumerate(customers)}
    assert agreement(truth, dict(found)).ari == pytest.approx(1.0)


def test_truth_files_come_back_as_they_were_written(tmp_path: Path) -> None:
    rows = [TruthRow("a", "Daily, with comma"), TruthRow("b", "y"), TruthRow("a", "z", 1_700_000_000.0)]
    write_truth(tmp_path / "truth.csv", rows)
    assert read_truth(tmp_path / "truth.csv") == rows
    assert labels_at(rows, 1_699_999_999.0) == {"a": "Daily, with comma", "b": "y"}
    assert labels_at(rows, 1_700_000_000.0) == {"a": "z", "b": "y"}


def test_a_truth_file_may_lack_from_and_dates_are_utc(tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_text("label,customer_id\nx,a\n")
    assert read_truth(tmp_path / "plain.csv") == [TruthRow("a", "x")]
    (tmp_path / "dated.csv").write_text("customer_id,label,from\na,x,1970-01-02\n")
    assert read_truth(tmp_path / "dated.csv") == [TruthRow("a", "x", 86_400.0)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b\n1,2\n", "needs the columns"),
        ("customer_id,label\n,x\n", "line 2: customer_id or label is empty"),
        ("customer_id,label,from\na,x,soon\n", "line 2: 'soon' is not an ISO 8601 time"),
    ],
)
def test_a_wrong_truth_file_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "truth.csv").write_text(text)
    with pytest.raises(StreamsegError, match=reason):
        read_truth(tmp_path / "truth.csv")
