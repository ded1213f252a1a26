"""Issue 13, items 10 and 11: refunds in files, and ids that are made from the content of lines."""

import random
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamseg.sources.event import SourceEvent, rfc3339
from streamseg.sources.reading.line_reader import LineReader
from streamseg.sources.reading.mapping import FileMapping
from streamseg.sources.reading.transactions import TransactionGrouper
from tests.unit.sources.reading.test_mapping import body, read

LEDGER: dict[str, Any] = {
    "event": {"column": "entry_type", "values": {"sale": "purchase", "refund": "refund"}},
    "fields": {"customer_id": "customer", "occurred_at": "entry_date"},
    "purchase": {"transaction_id": "order_no", "currency": "currency"},
    "items": {"item_id": "sku", "amount": "amount"},
    "transactions": {"by": ["order_no"]},
}
HEADER = "entry_date,entry_type,order_no,customer,sku,amount,currency"
SALE = "2026-10-01T10:00:00Z,sale,1001,c-anna,MUG,80.00,EUR"
REFUND = "2026-10-06T09:00:00Z,refund,1001,c-anna,MUG,80.00,EUR"
PART = "2026-10-07T09:00:00Z,refund,1001,c-anna,MUG,10.00,EUR"
POINTS: dict[str, Any] = {
    "event": "purchase",
    "fields": {"customer_id": "customer", "occurred_at": "when"},
    "purchase": {"currency": {"constant": "EUR"}, "value": "amount"},
}


def ledger(folder: Path, *lines: str, mapping: dict[str, Any] | None = None, name: str = "a.csv") -> list[SourceEvent]:
    events, rejected = read(folder, "\n".join([HEADER, *lines, ""]), mapping or LEDGER, name)
    assert rejected == []
    return events


def kinds(events: Sequence[SourceEvent]) -> list[tuple[str, float]]:
    return [(body(event)["event_name"], float(body(event)["value"])) for event in events]


@pytest.mark.parametrize("lookahead", [1, 2, 1000, "file"])
def test_a_refund_of_an_order_in_the_same_file_subtracts(tmp_path: Path, lookahead: int | str) -> None:
    """Case 01, one file."""
    mapping = LEDGER | {"transactions": {"by": ["order_no"], "lookahead": lookahead}}
    other = SALE.replace("1001", "1002").replace("anna", "ben")
    events = ledger(tmp_path, SALE, other, REFUND, PART, mapping=mapping)
    anna = [event for event in events if event.customer_id == "c-anna"]
    assert kinds(anna) == [("purchase", 80), ("refund", 80), ("refund", 10)]
    assert [event.occurred_at for event in anna] == sorted(event.occurred_at for event in anna)
    assert len({event.event_id for event in anna}) == 3
    assert {body(event)["transaction_id"] for event in anna} == {"1001"}
    assert len(body(anna[0])["items"]) == 1, "the refund is no second item bought"
    assert {body(event).get("purchased_at") for event in anna[1:]} == {"2026-10-01T10:00:00Z"}


def test_a_refund_in_another_file_has_an_id_of_its_own(tmp_path: Path) -> None:
    """Case 01, two files."""
    (sale,), (refund,) = ledger(tmp_path, SALE), ledger(tmp_path, REFUND)
    assert sale.event_id == "1001"
    assert refund.event_id != "1001"
    assert "purchased_at" not in body(refund), "it is not known, and never guessed"
    assert ledger(tmp_path, REFUND, name="b.csv") == [refund]


def test_an_order_number_mapped_as_event_id_does_not_merge_refunds(tmp_path: Path) -> None:
    mapping = LEDGER | {"fields": {**LEDGER["fields"], "event_id": "order_no"}}
    ids = {event.event_id for line in (REFUND, PART) for event in ledger(tmp_path, line, mapping=mapping)}
    assert len(ids) == 2
    assert "1001" not in ids


def test_refunds_with_ids_of_their_own_keep_them(tmp_path: Path) -> None:
    mapping = LEDGER | {"fields": {**LEDGER["fields"], "event_id": "sku"}}
    lines = [REFUND.replace("MUG", "r-1"), REFUND.replace("MUG", "r-2")]
    assert [event.event_id for event in ledger(tmp_path, *lines, mapping=mapping)] == ["r-1", "r-2"]


def test_a_purchase_that_begins_with_a_discount_has_the_number_of_that_line(tmp_path: Path) -> None:
    (order,) = ledger(tmp_path, SALE.replace("MUG,80.00", "BONUS,-5.00"), SALE)
    assert (kinds([order]), order.line) == ([("purchase", 75)], 2)


@pytest.mark.parametrize("files", [1, 3])
def test_negative_amounts_after_the_purchase_are_refunds(tmp_path: Path, files: int) -> None:
    lines = [
        SALE,
        SALE.replace("MUG,80.00", "BONUS,-5.00"),
        REFUND.replace("refund", "sale").replace("80.00", "-30.00"),
        PART.replace("refund", "sale").replace("10.00", "-30.00"),
    ]
    pieces = [lines] if files == 1 else [lines[:2], lines[2:3], lines[3:]]
    events = [event for piece in pieces for event in ledger(tmp_path, *piece)]
    assert kinds(events) == [("purchase", 75), ("refund", 30), ("refund", 30)], "the discount is part of the purchase"
    assert len({event.event_id for event in events}) == 3


def test_each_currency_of_an_order_is_a_purchase_with_its_own_transaction_id(tmp_path: Path) -> None:
    events = ledger(tmp_path, SALE, SALE.replace("80.00,EUR", "900,SEK"), SALE.replace("80.00", "1.50"))
    found = {body(event)["currency"]: body(event) for event in events}
    assert {currency: one["value"] for currency, one in found.items()} == {"EUR": Decimal("81.5"), "SEK": 900}
    assert {one["transaction_id"] for one in found.values()} == {"1001-EUR", "1001-SEK"}
    assert {event.event_id for event in events} == {"1001-EUR", "1001-SEK"}


def test_a_coupon_on_any_line_is_a_coupon_of_the_order(tmp_path: Path) -> None:
    mapping = LEDGER | {"purchase": {**LEDGER["purchase"], "coupon": "sku"}}
    (order,) = ledger(tmp_path, SALE.replace("MUG", ""), SALE.replace("MUG", "HALLOWEEN"), mapping=mapping)
    assert (body(order)["coupon"], body(order)["value"]) == ("HALLOWEEN", 160)


def test_the_time_of_the_refunded_purchase_can_be_mapped(tmp_path: Path) -> None:
    mapping = LEDGER | {"fields": {**LEDGER["fields"], "purchased_at": "sku"}}
    (refund,) = ledger(tmp_path, REFUND.replace("MUG", "2026-09-01T00:00:00Z"), mapping=mapping)
    assert body(refund)["purchased_at"] == "2026-09-01T00:00:00Z"
    text = "\n".join([HEADER, REFUND.replace("MUG", "2026-11-01"), REFUND.replace("MUG", "soon"), SALE])
    events, rejected = read(tmp_path, text, mapping)
    assert rejected == [
        (2, "purchased_at: is after occurred_at"),
        (3, "purchased_at: 'soon' is not a time in the format iso8601"),
    ]
    assert "purchased_at" not in body(events[0]), "a purchase has none"


def test_files_of_one_name_are_different_events(tmp_path: Path) -> None:
    """Case 11."""
    days = ("k-0001,2026-10-01T08:00:00Z,100", "k-0001,2026-10-02T08:00:00Z,250", "k-0001,2026-10-03T08:00:00Z,300")
    events = [read(tmp_path, f"customer,when,amount\n{day}\n", POINTS)[0][0] for day in days]
    assert len({event.event_id for event in events}) == 3
    assert len({body(event)["transaction_id"] for event in events}) == 3
    assert sum(body(event)["value"] for event in events) == 650


def test_order_and_empty_cells_of_a_file_do_not_change_ids(tmp_path: Path) -> None:
    lines = ["k-1,2026-10-01,5", "k-2,2026-10-01,5", "k-1,2026-10-01,5", "k-1,2026-10-02,5"]
    one, _ = read(tmp_path, "\n".join(["customer,when,amount", *lines]), POINTS)
    other, _ = read(
        tmp_path, "\n".join(["amount,customer,when,note", *(_turned(line) for line in lines[::-1])]), POINTS
    )
    assert {event.event_id for event in one} == {event.event_id for event in other}
    assert len({event.event_id for event in one}) == 4


def test_a_cell_that_an_earlier_line_fills_does_not_change_the_id(tmp_path: Path) -> None:
    without = REFUND.removesuffix("EUR")
    after, before = ledger(tmp_path, SALE, without), ledger(tmp_path, without, SALE)
    ids = {body(event)["event_name"]: event.event_id for event in after}
    assert ids == {body(event)["event_name"]: event.event_id for event in before}
    assert body(after[1])["currency"] == "EUR"


def _turned(line: str) -> str:
    customer, when, amount = line.split(",")
    return f"{amount},{customer},{when}, "


def test_lines_with_one_transaction_id_are_one_purchase_without_a_table_of_transactions(tmp_path: Path) -> None:
    mapping = {name: table for name, table in LEDGER.items() if name != "transactions"}
    assert kinds(ledger(tmp_path, SALE, SALE.replace("MUG,80.00", "CUP,7.00"), mapping=mapping)) == [("purchase", 87)]


def test_another_value_on_a_line_of_the_transaction_is_refused(tmp_path: Path) -> None:
    mapping = POINTS | {"purchase": {**POINTS["purchase"], "transaction_id": "order"}}
    lines = [
        "customer,when,amount,order",
        "k,2026-10-01,5,A",
        "k,2026-10-01,5,A",
        "k,2026-10-01,6,A",
        "k,2026-10-01,,A",
    ]
    events, rejected = read(tmp_path, "\n".join(lines), mapping)
    assert kinds(events) == [("purchase", 5)]
    assert rejected == [(4, "value: an earlier line of the transaction has another value")]


def test_cells_that_join_to_one_text_are_different_transactions(tmp_path: Path) -> None:
    mapping = POINTS | {"transactions": {"by": ["a", "b"]}}
    lines = ["customer,when,amount,a,b", "k,2026-10-01,5,x-y,z", "k,2026-10-01,5,x,y-z", "k,2026-10-01,5,x,y"]
    events, _ = read(tmp_path, "\n".join(lines), mapping)
    assert len({event.event_id for event in events}) == 3
    assert "x-y" in {event.event_id for event in events}


@pytest.mark.parametrize("table", [True, False])
def test_words_for_a_missing_order_number_make_no_lines_one_purchase(tmp_path: Path, table: bool) -> None:
    mapping = {name: part for name, part in LEDGER.items() if table or name != "transactions"}
    events = ledger(
        tmp_path, *(SALE.replace("1001", "NULL").replace("80.00", amount) for amount in "12"), mapping=mapping
    )
    assert kinds(events) == [("purchase", 1), ("purchase", 2)]
    assert len({event.event_id for event in events}) == 2


orders = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.lists(st.integers(1, 50), min_size=1, max_size=3),
        st.lists(st.tuples(st.integers(1, 20), st.integers(1, 9)), max_size=3, unique_by=lambda refund: refund[0]),
    ),
    max_size=6,
)


def events_of(lines: Sequence[dict[str, str]], mapping: FileMapping) -> list[SourceEvent]:
    reader, grouper = LineReader(mapping), TransactionGrouper(mapping.lookahead)
    events = [
        event for n, line in enumerate(lines, 1) if (mapped := reader.read(line)) for event in grouper.add(mapped, n)
    ]
    return [*events, *grouper.close()]


def spend_of(events: Sequence[SourceEvent]) -> dict[str, Decimal]:
    """What a worker adds up: purchases are told apart by transaction id, refunds by event id."""
    counted: dict[tuple[str, str, str], Decimal] = {}
    for event in events:
        one = body(event)
        refund = one["event_name"] == "refund"
        identity = (event.customer_id, "refund" if refund else "", one["event_id" if refund else "transaction_id"])
        counted.setdefault(identity, -one["value"] if refund else one["value"])
    spend: dict[str, Decimal] = defaultdict(Decimal)
    for (customer, _, _), value in counted.items():
        spend[customer] += value
    return {customer: value for customer, value in spend.items() if value}


@settings(max_examples=80, deadline=None)
@given(orders, st.integers(1, 4), st.sampled_from([2, 1000, "file"]), st.randoms(use_true_random=False))
def test_shuffled_and_split_orders_and_refunds_give_the_same_spend(
    drawn: list[tuple[int, list[int], list[tuple[int, int]]]],
    files: int,
    lookahead: int | str,
    rng: random.Random,
) -> None:
    blocks: list[list[dict[str, str]]] = []
    expected: dict[str, Decimal] = defaultdict(Decimal)
    for number, (customer, amounts, refunds) in enumerate(drawn):
        common = {"customer": f"c-{customer}", "order_no": f"o-{number}", "currency": "EUR", "sku": "MUG"}
        at = 1_790_000_000.0 + number
        blocks.append([_line("sale", at, amount, common) for amount in amounts])
        blocks += [[_line("refund", at + day * 86_400, amount, common)] for day, amount in refunds]
        expected[f"c-{customer}"] += sum(amounts) - sum(amount for _, amount in refunds)
    mapping = FileMapping.model_validate(LEDGER | {"transactions": {"by": ["order_no"], "lookahead": lookahead}})
    rng.shuffle(blocks)
    split = [[line for block in blocks[start::files] for line in block] for start in range(files)]
    rerun = split[rng.randrange(files)]
    events = [event for lines in (*split, rerun) for event in events_of(lines, mapping)]
    assert spend_of(events) == {customer: value for customer, value in expected.items() if value}


def _line(kind: str, at: float, amount: int, common: dict[str, str]) -> dict[str, str]:
    return {"entry_type": kind, "entry_date": rfc3339(at), "amount": str(amount), **common}


def test_long_session_ids_that_begin_alike_have_starts_of_their_own(tmp_path: Path) -> None:
    mapping = {
        "event": "click",
        "fields": {"customer_id": "who", "occurred_at": "when"},
        "click": {"event_name": {"constant": "view_item"}, "session_id": "visit"},
        "sessions": {"start": True},
    }
    visits = [f"{'v' * 200}{number}" for number in range(2)]
    events, _ = read(tmp_path, "\n".join(["who,when,visit", *(f"k,2026-10-01,{visit}" for visit in visits)]), mapping)
    starts = [event.event_id for event in events if body(event)["event_name"] == "session_start"]
    assert len(set(starts)) == 2
    assert max(map(len, starts)) <= 128
