"""Foreign files read through a mapping: grouping, exact amounts, times, translated values and rejected lines."""

import gzip
import json
import re
import textwrap
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from streamseg.errors import SettingsError, StreamsegError
from streamseg.sources.event import SourceEvent
from streamseg.sources.reading import mapping as mapping_module
from streamseg.sources.reading.files import EventFile
from streamseg.sources.reading.mapping import FileMapping, load_mapping

INVOICES = """invoice,who,what,price,pieces,total,when
A1,17,apple,0.10,3,0.3,2011-01-01T10:00:00Z
A1,17,apple,0.10,3,0.3,2011-01-01T10:00:00Z
B2,18,pear,19.99,1,19.99,2011-01-01T10:00:00Z
A1,17,plum,0.07,1,0.07,2011-01-01T10:01:00Z
"""
BASE: dict[str, Any] = {
    "event": "purchase",
    "fields": {"customer_id": "who", "occurred_at": "when", "currency": {"constant": "GBP"}},
    "items": {"item_id": "what", "price": "price", "quantity": "pieces", "amount": "total"},
    "transactions": {"by": ["invoice"]},
}


def read(
    folder: Path, text: str, mapping: dict[str, Any] | None, name: str = "lines.csv"
) -> tuple[list[SourceEvent], list[tuple[int, str]]]:
    file = folder / name
    file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    rejected: list[tuple[int, str]] = []
    parsed = None if mapping is None else FileMapping.model_validate(mapping)
    return list(EventFile(file, parsed, lambda number, reason: rejected.append((number, reason)))), rejected


def body(event: SourceEvent) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(event.value, parse_float=Decimal)
    return found


@pytest.mark.parametrize("name", ["lines.csv", "lines.csv.gz"])
def test_lines_of_an_invoice_are_one_purchase(tmp_path: Path, name: str) -> None:
    events, rejected = read(tmp_path, INVOICES, BASE, name)

    assert rejected == []
    assert [event.event_id for event in events] == ["B2", "A1"], "in order of completion"
    first = body(events[1])
    assert first["occurred_at"] == "2011-01-01T10:01:00Z", "that of the latest line"
    assert events[1].occurred_at == 1_293_876_060.0
    assert first["value"] == Decimal("0.67"), "exact; floats would add up to 0.6700000000000001"
    assert first["transaction_id"] == "A1"
    assert [item["item_id"] for item in first["items"]] == ["apple", "apple", "plum"], "repeated lines count"


@pytest.mark.parametrize("lookahead", [3, "file"])
def test_lines_of_a_purchase_need_not_be_adjacent(tmp_path: Path, lookahead: int | str) -> None:
    apart = INVOICES.replace("A1,17,plum", "C3,19,fig,1,1,1,2011-01-01T10:00:30Z\nA1,17,plum")
    events, rejected = read(tmp_path, apart, BASE | {"transactions": {"by": ["invoice"], "lookahead": lookahead}})
    assert rejected == []
    assert {event.event_id: body(event)["value"] for event in events}["A1"] == Decimal("0.67")
    if lookahead == "file":
        assert [event.event_id for event in events] == ["B2", "C3", "A1"], "in order of time"


@pytest.mark.parametrize("lookahead", [2, "file"])
def test_each_line_without_an_invoice_is_a_purchase(tmp_path: Path, lookahead: int | str) -> None:
    without = INVOICES.replace("A1,", " ,")
    events, rejected = read(tmp_path, without, BASE | {"transactions": {"by": ["invoice"], "lookahead": lookahead}})
    assert rejected == []
    assert sorted(body(event)["value"] for event in events) == [Decimal(v) for v in ("0.07", "0.3", "0.3", "19.99")]
    assert len({event.event_id for event in events}) == 4


def test_progress_reaches_the_file_size_at_the_last_event(tmp_path: Path) -> None:
    (tmp_path / "lines.csv").write_text(INVOICES)
    mapping = FileMapping.model_validate(BASE | {"transactions": {"by": ["invoice"], "lookahead": "file"}})
    source = EventFile(tmp_path / "lines.csv", mapping, lambda _, reason: pytest.fail(reason))
    assert [source.read_bytes for _ in source] == [len(INVOICES)] * 2
    assert source.read_bytes == len(INVOICES)


def test_a_line_beyond_the_lookahead_is_rejected(tmp_path: Path) -> None:
    events, rejected = read(tmp_path, INVOICES, BASE | {"transactions": {"by": ["invoice"], "lookahead": 1}})
    assert [body(event)["value"] for event in events] == [Decimal("0.6"), Decimal("19.99")]
    assert [number for number, _ in rejected] == [5]
    assert "raise transactions.lookahead" in rejected[0][1]


def test_without_grouping_each_line_is_a_purchase_named_after_its_content(tmp_path: Path) -> None:
    single = {name: table for name, table in BASE.items() if name != "transactions"}
    events, _ = read(tmp_path, INVOICES, single)
    first, again, *others = [event.event_id for event in events]
    assert again == f"{first}-2", "two equal lines of one file are two purchases"
    assert len({first, again, *others}) == 4
    assert read(tmp_path, INVOICES, single, "another-name.csv")[0] == events


def test_bad_lines_are_rejected_with_number_and_reason(tmp_path: Path) -> None:
    lines = [
        "A1,,apple,1,1,1,2011-01-01T10:00:00Z",
        "A2,17,apple,one,1,1,2011-01-01T10:00:00Z",
        "A3,17,apple,1,1,1,yesterday",
        "A4,17,apple,1,1,NaN,2011-01-01T10:00:00Z",
        "A5,17,apple,1,1,1,2011-01-01T10:00:00Z,too,many",
        "A6,17,apple,1,1,1,2011-01-01T10:00:00Z",
        "A7,17",
    ]
    events, rejected = read(tmp_path, "\n".join([INVOICES.splitlines()[0], *lines]), BASE)
    assert [event.event_id for event in events] == ["A6"]
    assert dict(rejected) == {
        2: "customer_id is empty",
        3: "price: 'one' is not a number",
        4: "occurred_at: 'yesterday' is not a time in the format iso8601",
        5: "amount: 'NaN' is out of range",
        6: "9 cells for 7 columns",
        8: "occurred_at is empty",
    }


def test_a_column_can_choose_the_kind_of_event(tmp_path: Path) -> None:
    mapping = {
        "event": {"column": "what", "values": {"view": "click", "cart": "click", "sale": "purchase", "noise": "skip"}},
        "fields": {"customer_id": {"column": "who", "prefix": "u-"}, "occurred_at": "at"},
        "click": {"event_name": {"column": "what", "values": {"view": "view_item", "cart": "add_to_cart"}}},
        "purchase": {"currency": {"constant": "EUR"}},
        "items": {"item_id": "item", "price": "price"},
        "time": {"format": "epoch_milliseconds"},
    }
    text = (
        "what,who,at,item,price\nview,1,1500,i1,2.5\ncart,1,2500,i1,2.5\nnoise,1,1,,\nsale,1,3500,i1,2.5\nhuh,1,1,,\n"
    )
    events, rejected = read(tmp_path, text, mapping)
    assert [(event.kind, event.occurred_at) for event in events] == [("click", 1.5), ("click", 2.5), ("purchase", 3.5)]
    assert [body(event)["event_name"] for event in events] == ["view_item", "add_to_cart", "purchase"]
    assert {event.customer_id for event in events} == {"u-1"}
    assert body(events[2])["value"] == Decimal("2.5"), "price times quantity, because no amount is mapped"
    assert rejected == [(6, "event: 'huh' is not among the mapped values")]


def test_a_file_without_header_with_white_space_day_numbers_and_decimal_commas(tmp_path: Path) -> None:
    mapping = {
        "event": "purchase",
        "file": {"delimiter": "whitespace", "columns": ["id", "day", "pieces", "amount"]},
        "time": {"format": "days", "origin": "1997-01-01", "zone": "America/New_York"},
        "numbers": {"decimal": ",", "thousands": "."},
        "fields": {"customer_id": "id", "occurred_at": "day", "currency": {"constant": "USD"}},
        "items": {"item_id": {"constant": "cd"}, "quantity": "pieces", "amount": "amount"},
    }
    events, rejected = read(tmp_path, "  00001 0 2  1.011,77\n", mapping, "cd.txt")
    assert rejected == []
    assert body(events[0]) == {
        "event_id": events[0].event_id,
        "transaction_id": events[0].event_id,
        "customer_id": "00001",
        "occurred_at": "1997-01-01T05:00:00Z",
        "event_name": "purchase",
        "currency": "USD",
        "value": Decimal("1011.77"),
        "items": [{"item_id": "cd", "quantity": 2, "price": Decimal("505.885")}],
    }


def test_a_time_in_a_zone_can_come_from_two_columns(tmp_path: Path) -> None:
    mapping = BASE | {
        "fields": {"customer_id": "who", "occurred_at": ["day", "hour"]},
        "time": {"format": "%d/%m/%Y %H:%M", "zone": "Europe/London"},
    }
    text = "invoice,who,what,price,pieces,total,day,hour\nA,1,x,1,1,1,01/07/2011,12:30\n"
    events, _ = read(tmp_path, text, mapping)
    assert body(events[0])["occurred_at"] == "2011-07-01T11:30:00Z"


def test_returns_become_refunds(tmp_path: Path) -> None:
    text = INVOICES.splitlines()[0] + "\nA1,1,x,2,3,6,2011-01-01T10:00:00Z\nC1,1,x,2,-3,-6,2011-01-02T10:00:00Z\n"
    events, _ = read(tmp_path, text, BASE)
    assert [(body(event)["event_name"], body(event)["value"]) for event in events] == [("purchase", 6), ("refund", 6)]
    assert body(events[1])["items"] == [], "a returned item is not an item of the purchase"


def test_profiles_and_consents(tmp_path: Path) -> None:
    mapping = {
        "event": {"column": "kind", "values": {"p": "profile", "c": "consent"}},
        "fields": {"customer_id": "who", "occurred_at": {"constant": "2020-01-01"}},
        "traits": {"age": {"column": "age", "number": True}, "town": "town"},
        "consents": {"ads": "ads"},
    }
    events, rejected = read(tmp_path, "kind,who,age,town,ads\np,1,35,,\nc,1,,,yes\nc,2,,,perhaps\n", mapping)
    assert body(events[0])["traits"] == {"age": 35}
    assert body(events[1])["consent"] == {"ads": True}
    assert rejected == [(4, "ads: 'perhaps' is neither yes nor no")]


def test_json_lines_and_parquet_read_the_same(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    cells = [line.split(",") for line in INVOICES.splitlines()]
    rows: list[dict[str, Any]] = [dict(zip(cells[0], line, strict=True)) for line in cells[1:]]
    for row in rows:
        row |= {
            "who": float(row["who"]),
            "price": float(row["price"]),
            "pieces": int(row["pieces"]),
            "total": float(row["total"]),
        }
    lines = "\n".join(json.dumps(row) for row in rows) + "\n{broken\n"
    from_json, rejected = read(tmp_path, lines, BASE, "lines.jsonl")
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "lines.parquet")
    file = EventFile(tmp_path / "lines.parquet", FileMapping.model_validate(BASE), lambda number, reason: None)
    from_parquet = list(file)
    assert [(e.customer_id, body(e)["value"]) for e in from_json] == [("18", Decimal("19.99")), ("17", Decimal("0.67"))]
    assert from_parquet == from_json
    assert [number for number, _ in rejected] == [5]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has no column 'total'; it has invoice"):
        read(tmp_path, INVOICES.replace("total", "sum"), BASE)


def test_a_damaged_archive_raises_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "lines.csv.gz").write_bytes(gzip.compress(INVOICES.encode())[:-20])
    with pytest.raises(StreamsegError, match=r"lines\.csv\.gz"):
        list(EventFile(tmp_path / "lines.csv.gz", FileMapping.model_validate(BASE), lambda number, reason: None))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("event = 1 =", "line 1"),
        ("", "event: is missing"),
        ('event = "sale"', "'sale' is not one of"),
        ('event = "click"\nwhat = 1', "what: unknown name"),
        ('event = "click"\n[fields]\ncustomer_id = { values = {} }', "needs either a column or a constant"),
        ('event = "click"\n[time]\nzone = "Mars/Olympus"', "no such time zone"),
        ('event = "click"\n[fields]\ncustomer = "a"\ncustomer_id = "a"\noccurred_at = "b"', "no field 'customer'"),
        ('event = "click"\n[fields]\ncustomer_id = "a"\noccurred_at = "b"\n[items]\nsku = "c"', "no field 'sku'"),
        ('event = "consent"\n[fields]\ncustomer_id="a"\noccurred_at="b"\n[consents]\nmail = "c"', "no field 'mail'"),
        ('event = "click"\n[fields]\ncustomer_id = "a"', "occurred_at is not mapped"),
        ('event = "purchase"\n[fields]\ncustomer_id="a"\noccurred_at="b"\n[items]\nitem_id="c"', "needs an amount"),
        ('event = "click"\n[file]\nencoding = "utf-9"', "unknown encoding 'utf-9'"),
    ],
)
def test_an_invalid_mapping_is_refused_and_the_entry_named(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "mapping.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_mapping(file)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_needs_a_column_that_both_a_field_and_an_item_of_its_list_name() -> None:
    mapping = BASE | {"items": {"item_id": "who"}, "purchase": {"value": "sum"}, "file": {"items": "list"}}
    assert FileMapping.model_validate(mapping).columns() == {"who", "when", "sum", "invoice", "list"}


def test_a_missing_mapping_is_refused() -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load_mapping(Path("nowhere"))


def test_the_examples_in_the_documentation_are_valid() -> None:
    blocks = re.findall(r"::\n\n((?:    .*\n|\n)+)", mapping_module.__doc__ or "")
    first, _, *tables = map(textwrap.dedent, blocks)
    mapping = tomllib.loads(first)
    FileMapping.model_validate(mapping)
    for table in tables:
        FileMapping.model_validate(mapping | tomllib.loads(table))
    assert len(tables) == 5
