"""Issue 13, item 14: Excel workbooks are read as downloaded, sheet by sheet, or refused with a reason."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from streamseg.errors import SettingsError, StreamsegError
from streamseg.sources.event import SourceEvent
from streamseg.sources.reading.files import EventFile
from streamseg.sources.reading.mapping import FileMapping, load_mapping
from tests.unit.sources.reading.test_mapping import body
from tests.unit.sources.reading.test_shipped_mappings import UCI

HEADER = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
NUMBERS = ("Quantity", "UnitPrice", "CustomerID", "InvoiceNo", "StockCode")


def write_workbook(path: Path, sheets: dict[str, Sequence[Sequence[Any]]], above: int = 0) -> None:
    """Write sheets with typed cells, after some empty rows."""
    book = xlsxwriter.Workbook(path)
    moment, day = book.add_format({"num_format": "m/d/yy h:mm"}), book.add_format({"num_format": "yyyy-mm-dd"})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows, above):
            for column, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(number, column, cell, moment if isinstance(cell, datetime) else day)
                else:
                    sheet.write(number, column, cell)
    book.close()


def read_file(path: Path, mapping: FileMapping) -> tuple[list[SourceEvent], list[tuple[int, str]]]:
    rejected: list[tuple[int, str]] = []
    events = list(EventFile(path, mapping, lambda line, reason: rejected.append((line, reason))))
    return events, rejected


def uci_rows() -> list[list[Any]]:
    """Return UCI's rows with the types that Excel gives them: all numbers are floats, times are times."""
    header, *rows = csv.reader(io.StringIO(UCI))
    typed: list[list[Any]] = [header]
    for row in rows:
        cells: list[Any] = list(row)
        for column, name in enumerate(header):
            if name in NUMBERS and row[column].replace(".", "").lstrip("-").isdigit():
                cells[column] = float(row[column])
        cells[4] = datetime.strptime(row[4], "%m/%d/%Y %H:%M")  # noqa: DTZ007
        typed.append(cells)
    return typed


def without_own_ids(events: list[SourceEvent]) -> list[dict[str, Any]]:
    """Return the events without made-up ids: a refund without an id of its own takes it from the cells as written."""
    bodies = [body(event) for event in events]
    return [{**each, "event_id": None} if each["event_name"] == "refund" else each for each in bodies]


def test_the_workbook_of_uci_gives_the_same_events_as_its_csv(tmp_path: Path) -> None:
    mapping = load_mapping(Path("uci_online_retail"))
    (tmp_path / "Online Retail.csv").write_bytes(UCI.encode("latin-1"))
    write_workbook(tmp_path / "Online Retail.xlsx", {"Online Retail": uci_rows(), "Sheet2": []})
    from_workbook, from_csv = (read_file(tmp_path / f"Online Retail.{end}", mapping) for end in ("xlsx", "csv"))
    assert without_own_ids(from_workbook[0]) == without_own_ids(from_csv[0])
    assert from_workbook[1] == from_csv[1] == [(5, "customer_id is empty"), (6, "customer_id is empty")]


def test_the_sheets_of_online_retail_ii_follow_each_other(tmp_path: Path) -> None:
    first = [489434.0, "85048", "LIGHTS", 12.0, datetime(2009, 12, 1, 7, 45), 6.95, 13085.0, "United Kingdom"]  # noqa: DTZ001
    second = ["C536379", "D", "Discount", -1.0, date(2010, 12, 1), 27.5, 14527.0, "United Kingdom"]
    path = tmp_path / "online_retail_II.xlsx"
    write_workbook(path, {"Year 2009-2010": [HEADER, first], "Year 2010-2011": [HEADER, second]}, above=2)
    events, rejected = read_file(path, load_mapping(Path("uci_online_retail_ii")))
    assert (rejected, [event.customer_id for event in events]) == ([], ["13085", "14527"])
    sold, refunded = map(body, events)
    assert (float(sold["value"]), sold["occurred_at"], sold["transaction_id"]) == (
        83.4,
        "2009-12-01T07:45:00Z",
        "489434",
    )
    assert (refunded["event_name"], refunded["occurred_at"]) == ("refund", "2010-12-01T00:00:00Z")


def test_a_rejected_row_is_named_as_excel_numbers_it(tmp_path: Path) -> None:
    rows = uci_rows()
    rows[1][6] = ""
    write_workbook(tmp_path / "a.xlsx", {"Online Retail": rows[:2]}, above=3)
    assert read_file(tmp_path / "a.xlsx", load_mapping(Path("uci_online_retail"))) == (
        [],
        [(5, "customer_id is empty")],
    )


@pytest.mark.parametrize(
    ("sheets", "chosen", "reason"),
    [
        ({"A": [HEADER, HEADER], "B": [HEADER]}, (), "a.xlsx has several sheets, 'A', 'B': name those to read in file"),
        ({"A": [HEADER], "B": [["Other"]]}, ("A", "B"), "a.xlsx: the sheet 'B' has another header than 'A'"),
        ({"A": [HEADER]}, ("C",), "a.xlsx has no sheet 'C'; it has A"),
        ({"A": [["Invoice"]]}, (), "a.xlsx has no column 'Customer ID'"),
        ({"A": []}, (), "a.xlsx has no column 'Customer ID'"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(
    tmp_path: Path, sheets: dict[str, Any], chosen: tuple[str, ...], reason: str
) -> None:
    write_workbook(tmp_path / "a.xlsx", sheets)
    mapping = load_mapping(Path("uci_online_retail_ii"))
    mapping = mapping.model_copy(update={"file": mapping.file.model_copy(update={"sheets": chosen})})
    with pytest.raises(SettingsError) as refused:
        read_file(tmp_path / "a.xlsx", mapping)
    assert reason in str(refused.value)


def test_a_file_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"Invoice,StockCode\n")
    with pytest.raises(StreamsegError, match=r"a\.xlsx: not a workbook"):
        read_file(tmp_path / "a.xlsx", load_mapping(Path("uci_online_retail_ii")))


def test_progress_follows_the_rows(tmp_path: Path) -> None:
    rows = uci_rows()
    write_workbook(tmp_path / "a.xlsx", {"Online Retail": [rows[0], *[rows[1]] * 3000]})
    mapping = load_mapping(Path("uci_online_retail"))
    by_customer = mapping.model_copy(update={"transactions": None})
    file = EventFile(tmp_path / "a.xlsx", by_customer, lambda line, reason: None)
    seen = [file.read_bytes / file.size_bytes for _ in file]
    assert seen
    assert file.read_bytes == file.size_bytes
