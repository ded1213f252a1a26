"""Issue 13, item 14: each shipped mapping reads a small file in the exact form of its origin, and mapping features."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.sources.checking import CheckReport, check
from streamseg.sources.reading.files import EventFile
from streamseg.sources.reading.mapping import load_mapping
from tests.unit.sources.reading.test_mapping import body, read

SHOPIFY = """Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,\
Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,\
Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,\
Lineitem fulfillment status,Notes,Cancelled at,Payment Method,Refunded Amount,Vendor,Id
#1001,ida@shop.example,paid,2026-10-01 14:11:09 +0200,fulfilled,,no,EUR,90.00,5.00,0.00,95.00,SAVE,0.00,Post,\
2026-10-01 14:11:08 +0200,1,Lamp,50.00,,LAMP,true,true,fulfilled,"two
lines",,Card,0.00,Lumen,1
#1001,ida@shop.example,,,,,,,,,,,,,,2026-10-01 14:11:08 +0200,2,Mug,20.00,,,true,true,fulfilled,,,,,Cup,
#1002,jan@shop.example,refunded,,,,no,EUR,90.00,5.00,0.00,95.00,,0.00,Post,\
2026-10-02 10:00:00 +0200,1,Lamp,50.00,,LAMP,true,true,,,,Card,95.00,Lumen,2
#1003,kim@shop.example,partially_refunded,,,,no,EUR,90.00,5.00,0.00,95.00,,0.00,Post,\
2026-10-02 11:00:00 +0200,1,Lamp,90.00,,LAMP,true,true,,,,Card,30.00,Lumen,3
"""
UCI = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,12/1/2010 8:26,2.55,17850,United Kingdom
536365,71053,WHITE METAL LANTERN,6,12/1/2010 8:26,3.39,17850,United Kingdom
C536379,D,Discount,-1,12/1/2010 9:41,27.5,14527,United Kingdom
536414,22139,,56,12/1/2010 11:52,0,,United Kingdom
536544,21773,DECORATIVE ROSE BATHROOM BOTTLE \xa3,1,12/1/2010 14:32,2.51,,United Kingdom
"""
GA4 = [
    {
        "event_date": "20261001", "event_timestamp": "1790863200000000", "event_name": "view_item",
        "event_params": [
            {"key": "ga_session_id", "value": {"string_value": None, "int_value": "1790863100"}},
            {"key": "page_location", "value": {"string_value": "https://shop.example/p"}},
            {"key": "currency", "value": {"string_value": "USD"}},
        ],
        "user_id": None, "user_pseudo_id": "123.456", "device": {"category": "smart tv", "language": "en"},
        "items": [{"item_id": "SKU_1", "item_name": "Tee", "price": 9.99, "quantity": None}],
    },
    {
        "event_date": "20261001", "event_timestamp": "1790863260000000", "event_name": "purchase",
        "event_params": [{"key": "currency", "value": {"string_value": "USD"}}],
        "user_id": "u-7", "user_pseudo_id": "123.456", "device": {"category": "desktop"},
        "ecommerce": {"transaction_id": "T-1", "purchase_revenue": 29.97, "tax_value": 1.5},
        "items": [
            {"item_id": "SKU_1", "item_name": "Tee", "price": 9.99, "quantity": "2"},
            {"item_id": "SKU_2", "item_name": "(not set)", "price": 9.99, "quantity": "1"},
        ],
    },
    {"event_timestamp": "1790863270000000", "event_name": "page_view", "user_id": None, "user_pseudo_id": None},
]  # fmt: skip
REES46 = """event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session
2019-10-01 00:00:00 UTC,view,44600062,2103807459595387724,,shiseido,35.79,541312140,72d76fde
2019-10-01 00:00:05 UTC,cart,1004,2053,appliances.kitchen.kettle,,25.00,541312141,a1
2019-10-01 00:00:09 UTC,purchase,1004,2053,appliances.kitchen.kettle,bosch,25.00,541312141,a1
2019-10-01 00:00:09 UTC,purchase,1005,2053,electronics.smartphone,lg,75.50,541312141,a1
"""
WOO = """order_id,order_number,order_date,status,shipping_total,order_tax,order_total,order_currency,billing_email,\
item_sku,item_name,item_quantity,item_total
71,71,2026-10-01 10:00:00,completed,5.00,0.00,45.00,EUR,ida@shop.example,MUG,Mug,2,40.00
72,72,2026-10-01 11:00:00,cancelled,5.00,0.00,45.00,EUR,jan@shop.example,MUG,Mug,2,40.00
"""
MAGENTO = """"ID","Purchase Point","Purchase Date","Bill-to Name","Ship-to Name","Grand Total (Base)",\
"Grand Total (Purchased)","Status","Billing Address","Shipping Address","Shipping Information","Customer Email",\
"Customer Group","Subtotal","Shipping and Handling","Customer Name","Payment Method","Total Refunded"
"000000001","Main Website","Oct 1, 2026 10:00:00 AM","Ida","Ida","$1,205.00","$1,205.00","complete","Street 1, X","",\
"Flat Rate","ida@shop.example","General","$1,200.00","$5.00","Ida","checkmo",""
"000000002","Main Website","Oct 1, 2026 11:00:00 AM","Jan","Jan","$36.39","$36.39","canceled","Street 1, X","",\
"Flat Rate","jan@shop.example","General","$32.00","$5.00","Jan","checkmo",""
"""
FILES = {
    "shopify": ("orders_export_1.csv", SHOPIFY.encode(), "EUR"),
    "uci_online_retail": ("Online Retail.csv", UCI.encode("latin-1"), "GBP"),
    "ga4_bigquery": ("events_20261001.jsonl", "\n".join(map(json.dumps, GA4)).encode(), "USD"),
    "rees46": ("2019-Oct.csv", REES46.encode(), "USD"),
    "woocommerce": ("orders.csv", WOO.encode(), "EUR"),
    "magento": ("export.csv", MAGENTO.encode(), "EUR"),
}


def report_of(folder: Path, mapping: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what `--check` reports of the mapping's file, and its events."""
    name, content, currency = FILES[mapping]
    (folder / name).write_bytes(content)
    report = CheckReport()

    def reject(line: int, reason: str) -> None:
        report.rejected.append((line, reason))

    file = EventFile(folder / name, load_mapping(Path(mapping)), reject)
    events = list(file)
    check(events, Decoder(Money(currency)), report, reject)
    return report.shown(), [body(event) | {"kind": event.kind} for event in events]


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ("shopify", {"events": 2, "customers": 2, "orders": 2, "spend": {"EUR": 150.0}, "rejected": []}),
        ("uci_online_retail", {"orders": 1, "refunds": 1, "spend": {"GBP": 8.14}, "first": "2010-12-01T08:26:00Z"}),
        ("ga4_bigquery", {"events": 2, "customers": 2, "orders": 1, "spend": {"USD": 29.97}}),
        ("rees46", {"events": 5, "customers": 2, "orders": 1, "spend": {"USD": 100.5}, "rejected": []}),
        ("woocommerce", {"events": 1, "orders": 1, "spend": {"EUR": 40.0}, "rejected": []}),
        ("magento", {"events": 1, "orders": 1, "spend": {"EUR": 1200.0}, "rejected": []}),
    ],
)  # fmt: skip
def test_a_shipped_mapping_reads_its_file(tmp_path: Path, mapping: str, expected: dict[str, Any]) -> None:
    report, _ = report_of(tmp_path, mapping)
    assert {name: report[name] for name in expected} == expected


def test_shopify_holds_order_cells_for_further_lines(tmp_path: Path) -> None:
    report, events = report_of(tmp_path, "shopify")
    assert report["rejected"] == []
    assert sum(item["quantity"] for item in events[0]["items"]) == 3
    assert (events[0]["coupon"], events[0]["items"][1]["item_name"]) == ("SAVE", "Mug")


def test_uci_lines_without_a_customer_are_rejected(tmp_path: Path) -> None:
    report, _ = report_of(tmp_path, "uci_online_retail")
    assert [each["line"] for each in report["rejected"]] == [5, 6]
    assert {each["reason"] for each in report["rejected"]} == {"customer_id is empty"}


def test_ga4_reads_nested_parameters_and_lists_of_items(tmp_path: Path) -> None:
    report, (view, purchase) = report_of(tmp_path, "ga4_bigquery")
    assert [each["line"] for each in report["rejected"]] == [3]
    assert report["adjusted"] == {"device_category": 1}
    assert (view["customer_id"], view["session_id"]) == ("123.456", "1790863100")
    assert (view["page_location"], view["occurred_at"]) == ("https://shop.example/p", "2026-10-01T14:00:00Z")
    assert (purchase["customer_id"], purchase["transaction_id"]) == ("u-7", "T-1")
    assert [item.get("item_name") for item in purchase["items"]] == ["Tee", None]


def test_rees46_splits_categories_and_starts_visits(tmp_path: Path) -> None:
    _, events = report_of(tmp_path, "rees46")
    names = [event["event_name"] for event in events]
    assert names == ["session_start", "view_item", "session_start", "add_to_cart", "purchase"]
    assert "item_category" not in events[1]["items"][0]
    kettle = events[3]["items"][0]
    assert [kettle[f"item_category{level}"] for level in ("", "2", "3")] == ["appliances", "kitchen", "kettle"]


def test_columns_are_multiplied_and_subtracted_and_values_can_mean_missing(tmp_path: Path) -> None:
    mapping = {
        "event": "purchase",
        "fields": {
            "customer_id": {"column": "who", "missing": ["0", "guest"]},
            "occurred_at": "when",
            "currency": {"constant": "EUR"},
        },
        "items": {"item_id": "what", "amount": {"column": "price", "times": "pieces", "minus": ["rebate", "voucher"]}},
    }
    head = "who,when,what,price,pieces,rebate,voucher\n"
    text = head + "1,2026-10-01,a,2.50,3,1,\n0,2026-10-01,a,1,1,,\n1,2026-10-01,a,1,x,,\n"
    events, rejected = read(tmp_path, text, mapping)
    assert [body(event)["value"] for event in events] == [Decimal("6.50")]
    assert rejected == [(3, "customer_id is empty"), (4, "amount: 'x' is not a number")]


def test_a_file_ordered_by_customer_is_sent_in_order_of_time(tmp_path: Path) -> None:
    mapping = {
        "event": "click",
        "file": {"sort": True},
        "sessions": {"start": True},
        "fields": {"customer_id": "who", "occurred_at": "when", "session_id": "visit"},
        "click": {"event_name": {"constant": "view_item"}},
    }
    text = "who,when,visit\n1,2026-10-03,v1\n1,2026-10-01,v1\n2,2026-10-02,v2\n"
    events, _ = read(tmp_path, text, mapping)
    found = [(body(event)["event_name"], event.customer_id, body(event)["occurred_at"][8:10]) for event in events]
    assert found == [
        ("session_start", "1", "01"), ("view_item", "1", "01"),
        ("session_start", "2", "02"), ("view_item", "2", "02"), ("view_item", "1", "03"),
    ]  # fmt: skip
    assert len({event.event_id for event in events}) == 5


def test_an_optional_column_may_be_missing_from_the_file(tmp_path: Path) -> None:
    mapping = {
        "event": "profile",
        "fields": {"customer_id": "who", "occurred_at": "when"},
        "traits": {"age": {"column": "age", "number": True}, "town": {"column": "town", "optional": True}},
    }
    events, _ = read(tmp_path, "who,when,age\n1,2026-10-01,35\n", mapping)
    assert body(events[0])["traits"] == {"age": 35}
