"""Truth files: written, read, refused, and the labels at a time."""

from pathlib import Path

import pytest

from streamseg.errors import StreamsegError
from streamseg.sources.truth import TruthRow, labels_at, read_truth, write_truth


def test_a_truth_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = [TruthRow("a", "Daily, with comma"), TruthRow("b", "y"), TruthRow("a", "z", 1_700_000_000.0)]
    write_truth(tmp_path / "truth.csv", rows)
    assert read_truth(tmp_path / "truth.csv") == rows
    assert labels_at(rows, 1_699_999_999.0) == {"a": "Daily, with comma", "b": "y"}
    assert labels_at(rows, 1_700_000_000.0) == {"a": "z", "b": "y"}


def test_the_from_column_is_optional_and_dates_are_utc(tmp_path: Path) -> None:
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
def test_a_wrong_truth_file_is_refused_with_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "truth.csv").write_text(text)
    with pytest.raises(StreamsegError, match=reason):
        read_truth(tmp_path / "truth.csv")
