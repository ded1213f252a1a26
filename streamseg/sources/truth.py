"""The truth beside a simulated stream: which group each customer really belongs to, and from when."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from streamseg.errors import StreamsegError
from streamseg.sources.output import writable


@dataclass(frozen=True, slots=True)
class TruthRow:
    """From a moment on (epoch seconds; None: from the beginning) the customer belongs to `label`."""

    customer_id: str
    label: str
    since: float | None = None


def write_truth(file: Path, rows: Iterable[TruthRow]) -> None:
    """Write CSV with the header `customer_id,label,from`; `from` is RFC 3339 in UTC or empty.

    Raises:
        SettingsError: the file can't be made.
    """
    with writable(file, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("customer_id", "label", "from"))
        for row in rows:
            since = "" if row.since is None else datetime.fromtimestamp(row.since, UTC).isoformat(timespec="seconds")
            writer.writerow((row.customer_id, row.label, since.replace("+00:00", "Z")))


def read_truth(file: Path) -> list[TruthRow]:
    """Read what `write_truth` writes; the column `from` may be missing.

    Raises:
        StreamsegError: the file has no such columns, or a line can't be read; names the line.
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
                since = _moment(line["from"]) if line.get("from") else None
            except ValueError:
                raise StreamsegError(f"{file}, line {reader.line_num}: {line['from']!r} is no ISO 8601 time") from None
            rows.append(TruthRow(line["customer_id"], line["label"], since))
    return rows


def labels_at(rows: Iterable[TruthRow], now: float) -> Mapping[str, str]:
    """Each customer's label at a moment (epoch seconds): of the rows that began by then, the one that began last."""
    began: dict[str, tuple[float, str]] = {}
    for row in rows:
        since = float("-inf") if row.since is None else row.since
        if since <= now and since >= began.get(row.customer_id, (since, ""))[0]:
            began[row.customer_id] = (since, row.label)
    return {customer_id: label for customer_id, (_, label) in began.items()}


def _moment(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
