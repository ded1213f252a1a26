"""The truth file of a simulation: the group that each customer really belongs to, and since when."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from streamseg.errors import StreamsegError
from streamseg.sources.event import parse_iso8601
from streamseg.sources.output_file import open_output


@dataclass(frozen=True, slots=True)
class TruthRow:
    """A customer belongs to the group `label` since a time: epoch seconds, None for the beginning."""

    customer_id: str
    label: str
    since: float | None = None


def write_truth(file: Path, rows: Iterable[TruthRow]) -> None:
    """Write CSV with the header `customer_id,label,from`; `from` is RFC 3339 in UTC, or empty.

    Raises:
        SettingsError: the file cannot be written.
    """
    with open_output(file, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("customer_id", "label", "from"))
        for row in rows:
            since = "" if row.since is None else datetime.fromtimestamp(row.since, UTC).isoformat(timespec="seconds")
            writer.writerow((row.customer_id, row.label, since.replace("+00:00", "Z")))


def read_truth(file: Path) -> list[TruthRow]:
    """Read what `write_truth` writes. The column `from` is optional.

    Raises:
        StreamsegError: a column is missing or a line is invalid; the text names the line.
    """
    with file.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        if not {"customer_id", "label"} <= set(reader.fieldnames or ()):
            raise StreamsegError(f"{file}: a truth file needs the columns customer_id and label")
        rows = []
        for line in reader:
            if not line["customer_id"] or not line["label"]:
                raise StreamsegError(f"{file}, line {reader.line_num}: customer_id or label is empty")
            try:
                since = parse_iso8601(line["from"]) if line.get("from") else None
            except ValueError:
                text = f"{line['from']!r} is not an ISO 8601 time"
                raise StreamsegError(f"{file}, line {reader.line_num}: {text}") from None
            rows.append(TruthRow(line["customer_id"], line["label"], since))
    return rows


def labels_at(rows: Iterable[TruthRow], now: float) -> Mapping[str, str]:
    """Return the label of each customer at a time (epoch seconds): of the rows begun by then, the latest."""
    latest: dict[str, tuple[float, str]] = {}
    for row in rows:
        since = float("-inf") if row.since is None else row.since
        if since <= now and since >= latest.get(row.customer_id, (since, ""))[0]:
            latest[row.customer_id] = (since, row.label)
    return {customer_id: label for customer_id, (_, label) in latest.items()}
