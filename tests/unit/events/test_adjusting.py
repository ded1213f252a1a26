"""Issue 13, item 13: one invalid detail does not cost the event; what is adjusted is counted by field."""

from collections import Counter
from typing import Any

import pytest

from streamseg.events.decode import Decoder
from streamseg.events.rejection import Reason, RejectionError
from streamseg.events.types import EVENT_TYPES, Item
from tests.support.events import CLICK, CONSENT, DECODER, ERASURE, PROFILE, PURCHASE, body, record


def read(kind: int, decoder: Decoder = DECODER, **given: Any) -> tuple[Any, dict[str, int]]:
    """Return the event and the number of adjustments by field."""
    adjusted: Counter[str] = Counter()
    return decoder.decode(kind, record(kind, body(kind, **given)), adjusted), dict(adjusted)


def lines(event: Any) -> list[tuple[Any, ...]]:
    return [(item.item_id, item.price, item.quantity) for item in event.items]


@pytest.mark.parametrize("kind", [CLICK, PURCHASE])
def test_null_reads_like_a_missing_field_and_is_no_adjustment(kind: int) -> None:
    event, adjusted = read(kind, items=None)
    assert (event.items, adjusted) == ((), {})
    event, adjusted = read(kind, items=[{"item_id": "a", "quantity": None, "price": None}, {"item_id": "b"}])
    assert (lines(event), adjusted) == ([("a", None, 1.0), ("b", None, 1.0)], {})
    for one in range(len(EVENT_TYPES)):
        model = EVENT_TYPES[one]
        optional: dict[str, Any] = {name: None for name, field in model.model_fields.items() if not field.is_required()}
        found, adjusted = read(one, **optional)
        assert adjusted == {}
        assert {name: getattr(found, name) for name in optional} == {
            name: model.model_fields[name].default for name in optional
        }


@pytest.mark.parametrize(("given", "quantity"), [(1.0, 1.0), (0.55, 0.55), (3, 3.0)])
def test_a_quantity_may_be_a_fraction(given: float, quantity: float) -> None:
    event, adjusted = read(PURCHASE, items=[{"item_id": "CLOTH", "quantity": given}])
    assert (lines(event), adjusted) == ([("CLOTH", None, quantity)], {})


@pytest.mark.parametrize("given", [0, -1, "0", "-2.5"])
def test_a_quantity_of_nothing_is_left_out_of_a_click_and_its_line_out_of_a_purchase(given: object) -> None:
    items = [{"item_id": "a", "quantity": given}, {"item_id": "b", "quantity": 2}]
    event, adjusted = read(CLICK, items=items)
    assert (lines(event), adjusted) == ([("a", None, 1.0), ("b", None, 2.0)], {"items.quantity": 1})
    event, adjusted = read(PURCHASE, items=items)
    assert (lines(event), adjusted) == ([("b", None, 2.0)], {"items.quantity": 1})


def test_a_discount_line_is_no_item_and_the_value_of_the_order_counts() -> None:
    items = [{"item_id": "DESK", "price": 200}, {"item_id": "DISC10", "price": -20}]
    event, adjusted = read(PURCHASE, value=180, items=items)
    assert (event.value, lines(event), adjusted) == (180.0, [("DESK", 200.0, 1.0)], {"items.price": 1})


@pytest.mark.parametrize(
    ("given", "device"),
    [
        ("Smart TV", "other"),
        ("console", "other"),
        ("Desktop", "desktop"),
        ("smartphone", "mobile"),
        ("", None),
        (3, None),
    ],
)
def test_a_device_is_one_of_the_known_ones(given: object, device: str | None) -> None:
    event, adjusted = read(CLICK, device_category=given)
    assert (event.device_category, adjusted) == (device, {"device_category": 1})


@pytest.mark.parametrize("kind", [CLICK, PURCHASE])
@pytest.mark.parametrize("given", ["eur", " Eur ", "EUR "])
def test_a_currency_is_read_in_any_case(kind: int, given: str) -> None:
    event, adjusted = read(kind, currency=given)
    assert (event.currency, adjusted) == ("EUR", {"currency": 1})


@pytest.mark.parametrize("given", ["EURO", 978, "€"])
def test_a_currency_that_cannot_be_read_costs_a_click_its_amounts_and_rejects_a_purchase(given: object) -> None:
    event, adjusted = read(CLICK, currency=given, value=3, items=[{"item_id": "a", "price": 3}])
    assert (event.currency, event.value, lines(event)) == (None, None, [("a", None, 1.0)])
    assert adjusted == {"currency": 1}
    with pytest.raises(RejectionError, match="currency"):
        read(PURCHASE, currency=given)


def test_numbers_become_texts_in_ids_and_texts_numbers_in_prices() -> None:
    event, adjusted = read(
        PURCHASE, transaction_id=5512, session_id=7.0, items=[{"item_id": 42, "price": " 9.5 ", "quantity": "2"}]
    )
    assert (event.transaction_id, event.session_id, lines(event)) == ("5512", "7", [("42", 9.5, 2.0)])
    assert set(adjusted) == {"transaction_id", "session_id", "items.item_id", "items.price", "items.quantity"}


def test_categories_in_a_list_become_levels() -> None:
    event, adjusted = read(CLICK, items=[{"item_id": "a", "item_category": ["Home", "Kitchen", "Kettles"]}])
    item = event.items[0]
    assert (item.item_category, item.item_category2, item.item_category3) == ("Home", "Kitchen", "Kettles")
    assert adjusted == {"items.item_category": 1}


@pytest.mark.parametrize("given", ["a", {"item_id": "a"}, 7])
def test_items_that_are_no_list_are_left_out(given: object) -> None:
    event, adjusted = read(PURCHASE, items=given)
    assert (event.items, adjusted) == ((), {"items": 1})


def test_lines_that_name_nothing_and_lines_beyond_the_limit_are_left_out() -> None:
    event, adjusted = read(CLICK, items=[None, 5, {"price": 3}, {"item_id": {}}, {"item_id": "a"}])
    assert (lines(event), set(adjusted)) == ([("a", None, 1.0)], {"items", "items.item_id"})
    event, adjusted = read(CLICK, items=[{"item_id": str(number)} for number in range(1_200)])
    assert (len(event.items), adjusted) == (1_000, {"items": 1})


def test_details_of_no_use_are_left_out() -> None:
    event, adjusted = read(CLICK, page_location=["x"], search_term="x" * 2_000, value=-3, consent={"ads": "yes"})
    assert (event.page_location, len(event.search_term), event.value, event.consent) == (None, 1_024, None, None)
    assert set(adjusted) == {"page_location", "search_term", "value", "consent"}
    event, adjusted = read(PURCHASE, tax="much", shipping=-1, coupon=10)
    assert (event.tax, event.shipping, event.coupon) == (None, None, "10")
    event, adjusted = read(ERASURE, requested_at="yesterday", request_id=5)
    assert (event.requested_at, event.request_id) == (None, "5"), "a detail must not keep a customer's data"
    assert read(CONSENT, source=3)[0].source == "3"


def test_nested_traits_are_left_out_and_the_others_kept() -> None:
    traits = {"age": 34, "address": {"city": "X"}, "tags": ["a"], "": 1, "bio": "x" * 2_000, "huge": 1e16}
    event, adjusted = read(PROFILE, traits=traits)
    assert (event.traits, adjusted) == ({"age": 34}, {"traits": 1})


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (CLICK, {"event_id": 5}),
        (CLICK, {"customer_id": 5}),
        (CLICK, {"occurred_at": 1_795_442_709}),
        (CLICK, {"event_name": "View Item"}),
        (PURCHASE, {"value": "180"}),
        (PURCHASE, {"value": -1}),
        (PURCHASE, {"event_name": "Refund"}),
        (PURCHASE, {"currency": None}),
        (PURCHASE, {"transaction_id": ""}),
        (PURCHASE, {"transaction_id": "x" * 300}),
        (PURCHASE, {"transaction_id": None, "items": None}),
        (PROFILE, {"traits": None}),
        (PROFILE, {"traits": [1]}),
        (CONSENT, {"consent": {"ads": "yes"}}),
        (ERASURE, {"scope": "part"}),
    ],
)
def test_money_identity_time_and_consent_are_strict(kind: int, given: dict[str, Any]) -> None:
    with pytest.raises(RejectionError) as refused:
        read(kind, device_category="Smart TV", **given)
    assert refused.value.reason is Reason.SCHEMA
    assert next(iter(given)) in refused.value.detail


def test_a_run_counts_each_adjusted_event_once_per_field() -> None:
    values = [body(CLICK, event_id=str(n), device_category="TV" if n % 3 else "mobile") for n in range(600)]
    values[5]["items"] = [{"item_id": "a", "price": -1}, {"item_id": "b", "price": -1}]
    run = [record(CLICK, value, offset=n) for n, value in enumerate(values)]
    decoded = DECODER.decode_run(CLICK, run)
    assert (len(decoded.events), decoded.rejected) == (600, [])
    assert decoded.adjusted == {"device_category": 400, "items.price": 1}


def test_the_names_that_are_counted_are_bounded() -> None:
    _, adjusted = read(CLICK, items=[{"item_id": "a", "price": "x", "any name": {}}], other={"more": 1})
    allowed = {name for model in EVENT_TYPES for name in model.model_fields}
    assert set(adjusted) <= allowed | {f"items.{name}" for name in Item.model_fields}


@pytest.mark.parametrize("given", ["soon", "2026-10-01", 1_790_000_000, "1790000000", True, [], {}])
def test_a_time_that_an_event_does_not_need_is_left_out_if_it_cannot_be_read(given: object) -> None:
    refund, adjusted = read(PURCHASE, event_name="refund", purchased_at=given)
    assert (refund.purchased_at, adjusted) == (None, {"purchased_at": 1})
    erasure, adjusted = read(ERASURE, requested_at=given)
    assert (erasure.requested_at, adjusted) == (None, {"requested_at": 1})


def test_a_refund_before_its_purchase_is_rejected() -> None:
    with pytest.raises(RejectionError, match="purchased_at must not be after occurred_at"):
        read(PURCHASE, event_name="refund", purchased_at="2999-01-01T00:00:00Z")
