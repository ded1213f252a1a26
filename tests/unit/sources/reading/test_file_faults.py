"""Issue 13, item 14: what real files get wrong is read right, or refused with line and reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from streamseg.errors import SettingsError, StreamsegError
from streamseg.sources.reading.files import EventFile
from streamseg.sources.reading.mapping import FileMapping
from tests.unit.sources.reading.test_mapping import BASE, INVOICES, body, read

HEAD, *LINES = INVOICES.splitlines(keepends=True)
TABLES: dict[str, Any] = {name: table for name, table in BASE.items() if name != "transactions"}


@pytest.mark.parametrize(
    "broken", ['A9,17,"apple,0.10,3,0.3,2011-01-01T10:00:00Z\n', 'A9,17,apple,1,1,1,"2011-01-01T10:00:00Z\n']
)
@pytest.mark.parametrize("at", [0, 2, len(LINES)])
def test_an_unclosed_quote_costs_its_line_only(tmp_path: Path, broken: str, at: int) -> None:
    lines = [*LINES[:at], broken, *LINES[at:]]
    lines[-1] = lines[-1].replace("plum", '"plum, ""red"""').replace("pear", '"pear"')
    events, rejected = read(tmp_path, HEAD + "".join(lines), BASE)
    assert sorted(event.event_id for event in events) == ["A1", "B2"]
    assert sum(len(body(event)["items"]) for event in events) == len(LINES)
    assert [number for number, _ in rejected] == [at + 2]
    assert "not closed" in rejected[0][1]
    assert "file.quote" in rejected[0][1]


def test_a_cell_may_extend_over_lines_and_the_numbers_of_the_lines_are_right(tmp_path: Path) -> None:
    text = HEAD + LINES[0].replace("apple", '"ap\nple"') + "A3,17,x,huh,1,1,2011-01-01T10:00:00Z\n"
    events, rejected = read(tmp_path, text, BASE)
    assert body(events[0])["items"][0]["item_id"] == "ap\nple"
    assert [number for number, _ in rejected] == [4]


def test_quotes_can_be_switched_off(tmp_path: Path) -> None:
    text = HEAD + LINES[0].replace("apple", '"5 inch')
    events, rejected = read(tmp_path, text, BASE | {"file": {"quote": ""}})
    assert rejected == []
    assert body(events[0])["items"][0]["item_id"] == '"5 inch'


@pytest.mark.parametrize(
    ("text", "numbers", "amount"),
    [
        ("1,234.50", {"thousands": ","}, "1234.50"),
        ("12,34.50", {"thousands": ","}, None),
        ("1,2345", {"thousands": ","}, None),
        ("1234,567", {"thousands": ","}, None),
        ("12,5", {"thousands": ","}, None),
        ("1.234,5", {"decimal": ",", "thousands": "."}, "1234.5"),
        ("1.5", {"decimal": ",", "thousands": "."}, None),
        ("1.5", {"decimal": ","}, None),
        ("1_000", {}, None),
        ("£1,234.50", {"thousands": ",", "currency_signs": ["£"]}, "1234.50"),
        ("12.5 EUR", {"currency_signs": ["€", "EUR"]}, "12.5"),
        ("-£2", {"currency_signs": ["£"]}, "-2"),
        ("£2", {}, None),
        ("inf", {}, None),
        ("nan", {}, None),
        ("1e400", {}, None),
    ],
)
def test_numbers(tmp_path: Path, text: str, numbers: dict[str, Any], amount: str | None) -> None:
    line = f'A1,17,apple,,1,"{text}",2011-01-01T10:00:00Z\n'
    events, rejected = read(tmp_path, HEAD + line, BASE | {"numbers": numbers})
    if amount is None:
        assert events == []
        assert [number for number, _ in rejected] == [2]
        assert rejected[0][1].startswith("amount: ")
    else:
        assert rejected == []
        assert body(events[0])["value"] == abs(float(amount))
        assert body(events[0])["event_name"] == ("refund" if amount.startswith("-") else "purchase")


def test_numbers_without_end_in_parquet_are_refused_and_empty_cells_are_none(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    inf, nan = float("inf"), float("nan")
    rows = [(17.0, 1.0), (inf, 1.0), (nan, 1.0), (18.0, inf), (18.0, -inf), (18.0, nan)]
    table = {
        "who": [who for who, _ in rows],
        "total": [total for _, total in rows],
        "when": ["2011-01-01T10:00:00Z"] * len(rows),
        "what": ["x"] * len(rows),
    }
    parquet.write_table(pa.table(table), tmp_path / "lines.parquet")
    mapping = TABLES | {"items": {"item_id": "what", "amount": "total"}}
    rejected: list[tuple[int, str]] = []
    file = EventFile(
        tmp_path / "lines.parquet", FileMapping.model_validate(mapping), lambda *given: rejected.append(given)
    )
    assert [event.customer_id for event in file] == ["17"]
    assert [number for number, _ in rejected] == [2, 3, 4, 5, 6]


def test_a_byte_order_mark_is_passed_over_in_json_lines(tmp_path: Path) -> None:
    native = '{"kind":"click","event_id":"e","customer_id":"c","occurred_at":"2026-10-01T10:00:00Z"}\n'
    events, rejected = read(tmp_path, "\ufeff" + native, None, "native.jsonl")
    assert (len(events), rejected) == (1, [])
    row = {"invoice": "A", "who": "1", "what": "x", "price": 1, "pieces": 1, "total": 1, "when": "2026-10-01"}
    events, rejected = read(tmp_path, "\ufeff" + json.dumps(row), BASE, "lines.jsonl")
    assert (len(events), rejected) == (1, [])


def test_a_mapped_column_that_is_named_twice_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    file = tmp_path / "lines.csv"
    file.write_text(INVOICES.replace("pieces,total", "total,total").replace("price", "pieces"))
    mapping = FileMapping.model_validate(BASE | {"items": {"amount": "total", "item_id": "what"}})
    with pytest.raises(SettingsError, match="'total' more than once"):
        EventFile(file, mapping, lambda *_: None).check_columns()
    file.write_text(INVOICES.replace("pieces", "what").replace("what,price,what", "extra,what,extra"))
    EventFile(file, mapping, lambda *_: None).check_columns()


@pytest.mark.parametrize("word", ["NULL", "\\N", "nan", "None", "undefined", "(not set)", "N/A", " null ", ""])
def test_words_for_nothing_are_no_customers(tmp_path: Path, word: str) -> None:
    events, rejected = read(tmp_path, HEAD + LINES[0].replace(",17,", f",{word},"), BASE)
    assert (events, rejected) == ([], [(2, "customer_id is empty")])


def test_ids_of_a_spreadsheet_are_the_same_customer_and_shortened_ones_are_refused(tmp_path: Path) -> None:
    lines = LINES[0].replace(",17,", ",17.0,") + LINES[2] + LINES[2].replace("B2,18", "33.00,17.00")
    events, rejected = read(tmp_path, HEAD + lines + LINES[2].replace(",18,", ",1.7E+05,"), BASE)
    assert [(event.customer_id, event.event_id) for event in events] == [("17", "A1"), ("18", "B2"), ("17", "33")]
    assert [number for number, _ in rejected] == [5]


def test_empty_cells_of_an_order_have_the_value_of_its_first_line(tmp_path: Path) -> None:
    text = (
        "order,mail,state,money,sum,at,sku\n"
        "1,ida,paid,EUR,90.00,2026-10-01,LAMP\n1,ida,,,,2026-10-01,MUG\n1,ida,,,,,CUP\n"
        "2,jan,refunded,EUR,90.00,2026-10-02,LAMP\n2,jan,,,,2026-10-02,MUG\n"
        "3,kim,,EUR,10.00,2026-10-02,MUG\n"
    )
    event = {"column": "state", "values": {"paid": "purchase", "refunded": "skip"}, "default": "purchase"}
    mapping = {
        "event": event,
        "fields": {"customer_id": "mail", "occurred_at": "at"},
        "purchase": {"currency": "money", "value": "sum"},
        "items": {"item_id": "sku"},
        "transactions": {"by": ["order"]},
    }
    events, rejected = read(tmp_path, text, mapping)
    assert rejected == []
    found = [(one.customer_id, body(one)["value"], len(body(one)["items"])) for one in events]
    assert found == [("ida", 90, 3), ("kim", 10, 1)]
    strict = mapping | {"event": event | {"default": None}}
    events, rejected = read(tmp_path, text, {**strict, "event": {k: v for k, v in event.items() if k != "default"}})
    assert [one.customer_id for one in events] == ["ida"]
    assert [number for number, _ in rejected] == [7]


def test_a_day_is_no_order_whose_customer_holds_for_other_lines(tmp_path: Path) -> None:
    text = "day,who,sum\n2026-10-01,ida,5\n2026-10-01,,7\n"
    mapping = {
        "event": "purchase",
        "fields": {"customer_id": "who", "occurred_at": "day", "currency": {"constant": "EUR"}},
        "purchase": {"value": "sum"},
        "transactions": {"by": ["day"]},
    }
    events, rejected = read(tmp_path, text, mapping)
    assert [body(event)["value"] for event in events] == [5]
    assert rejected == [(3, "customer_id is empty")]


def test_a_line_without_any_amount_is_rejected(tmp_path: Path) -> None:
    events, rejected = read(tmp_path, HEAD + "A1,17,apple,,3,,2011-01-01T10:00:00Z\n", BASE)
    assert events == []
    assert rejected == [(2, "no amount: value, amount and price are empty")]


def test_a_discount_line_lowers_the_value_and_is_no_item(tmp_path: Path) -> None:
    text = HEAD + LINES[2] + "B2,18,DISC,-5,1,-5,2011-01-01T10:00:00Z\nB2,18,OFF,,1,-1,2011-01-01T10:00:00Z\n"
    events, rejected = read(tmp_path, text, BASE)
    assert rejected == []
    assert float(body(events[0])["value"]) == pytest.approx(13.99)
    assert [item["item_id"] for item in body(events[0])["items"]] == ["pear"]


@pytest.mark.parametrize(("given", "coupon"), [("0.0", None), ("0", None), ("None", None), ("SAVE10", "SAVE10")])
def test_a_coupon_of_zero_is_none(tmp_path: Path, given: str, coupon: str | None) -> None:
    text = "who,when,sum,code\n1,2026-10-01,5," + given + "\n"
    mapping = {
        "event": "purchase",
        "fields": {"customer_id": "who", "occurred_at": "when", "currency": {"constant": "eur"}},
        "purchase": {"value": "sum", "coupon": "code"},
    }
    assert body(read(tmp_path, text, mapping)[0][0]).get("coupon") == coupon


def test_text_in_another_encoding_raises_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "lines.csv").write_bytes(INVOICES.replace("apple", "äpfel").encode("latin-1"))
    with pytest.raises(StreamsegError, match=r"lines\.csv"):
        list(EventFile(tmp_path / "lines.csv", FileMapping.model_validate(BASE), lambda *_: None))


def test_columns_that_change_a_value_hold_for_the_whole_order(tmp_path: Path) -> None:
    """A further line had its value filled, its rebate not: it seemed to have another value and was rejected."""
    text = "invoice,who,what,price,pieces,rebate,paid,when\nA1,17,apple,5,1,3,12,2011-01-01T10Z\nA1,17,plum,10,1,,,\n"
    purchase = {"value": {"column": "paid", "minus": "rebate"}}
    items = {"item_id": "what", "price": "price", "quantity": "pieces"}
    events, rejected = read(tmp_path, text, BASE | {"purchase": purchase, "items": items})
    assert (rejected, body(events[0])["value"], len(body(events[0])["items"])) == ([], 9, 2)


def test_words_for_no_order_do_not_lend_each_other_their_cells(tmp_path: Path) -> None:
    text = "invoice,who,what,price,paid,when\n0,17,apple,5,5,2011-01-01T10:00:00Z\n0,17,plum,7,,2011-01-01T10:00:00Z\n"
    mapping = {"purchase": {"value": "paid"}, "items": {"item_id": "what", "price": "price"}}
    events, rejected = read(tmp_path, text, BASE | mapping)
    assert (rejected, [body(event)["value"] for event in events]) == ([], [5, 7])


def test_all_items_of_a_list_count_in_the_value(tmp_path: Path) -> None:
    line: dict[str, object] = {"order": "A1", "who": "17", "when": "2011-01-01T10:00:00Z"}
    line |= {"list": [{"what": "apple", "price": 5}, {"what": "plum", "price": 7}, {"what": "coupon", "price": -2}]}
    mapping = BASE | {"file": {"items": "list"}, "items": {"item_id": "what", "price": "price"}}
    mapping |= {"transactions": {"by": ["order"]}}
    events, rejected = read(tmp_path, json.dumps(line) + "\n", mapping, "lines.jsonl")
    purchase = body(events[0])
    assert (rejected, purchase["value"]) == ([], 10)
    assert [item["item_id"] for item in purchase["items"]] == ["apple", "plum"]
