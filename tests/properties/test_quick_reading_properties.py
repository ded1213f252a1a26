"""The fast reader accepts all ordinary events; what it accepts, pydantic accepts with the same attributes.

Issue 13, item 13: this holds with adjusted fields too; an event that needs an adjustment is read by pydantic.
"""

import json
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from streamseg.events.decode import Decoder
from streamseg.events.fast import read_quickly
from streamseg.events.money import Money
from streamseg.events.types import EVENT_TYPES, Item, Purposes
from streamseg.events.validation import adjusted_event
from streamseg.sources.fuzzing import good_record
from streamseg.sources.mutations import mutated, mutated_record

DECODER = Decoder(Money("EUR", 2, {"GBP": 1.15, "JPY": 0.0061}))
KINDS = range(len(EVENT_TYPES))


def attributes(part: Any) -> Any:
    """Return all attributes of a model or struct, with their types."""
    if isinstance(part, BaseModel | msgspec.Struct):
        names = EVENT_FIELDS[type(part).__name__]
        return {name: attributes(getattr(part, name)) for name in names}
    if isinstance(part, tuple):
        return tuple(map(attributes, part))
    if isinstance(part, dict):
        return {name: attributes(value) for name, value in part.items()}
    return type(part), repr(part)


def _names(model: type[BaseModel]) -> list[str]:
    """Return the names of a model's fields and of its own properties."""
    bases = [base for base in model.__mro__ if base.__module__ == model.__module__]
    made = [name for base in bases for name, each in vars(base).items() if isinstance(each, property)]
    return [*model.model_fields, *made]


MODELS: tuple[type[BaseModel], ...] = (*EVENT_TYPES, Item, Purposes)
EVENT_FIELDS = {model.__name__: _names(model) for model in MODELS}


def agrees(kind: int, value: bytes) -> bool:
    """Return whether the fast reader accepts the value; if so, assert that pydantic reads the same."""
    quick = read_quickly(kind, (value,))
    if quick is not None:
        fields: set[str] = set()
        assert [attributes(event) for event in quick] == [attributes(adjusted_event(EVENT_TYPES[kind], value, fields))]
        assert fields == set(), "only the careful reader adjusts"
    return quick is not None


@settings(max_examples=100)
@given(st.sampled_from(KINDS), st.integers(0, 2**32))
def test_both_readers_agree_on_mutated_events(kind: int, seed: int) -> None:
    rng = Random(seed)
    value = good_record(kind, seed, rng).value or b""
    assert agrees(kind, value), "an ordinary event must be read quickly"
    for _ in range(5):
        changed = mutated(value, rng)
        agrees(kind, changed)
        value = changed if is_object(changed) else value


def is_object(value: bytes) -> bool:
    """Return whether the value is a JSON object, which can be mutated again."""
    try:
        whole = json.loads(value)
    except (ValueError, RecursionError):
        return False
    return isinstance(whole, dict) and len(whole) > 0


texts = st.text(max_size=20)
numbers = st.integers(-(10**20), 10**20) | st.floats()
anything = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=5,
)
moments = st.datetimes().map(lambda moment: moment.isoformat() + "Z") | st.sampled_from(
    [
        "2024-06-03t12:00:00z",
        "2024-06-03 12:00:00+02:00",
        "2024-06-03T12:00:00.9999999Z",
        "2024-06-03T12:00:00.123456789-23:59",
        "0001-01-01T00:00:00+23:59",
        "1969-12-31T23:59:59.9999999Z",
        "9999-12-31T23:59:59.9999999Z",
        "2024-06-03T12:00Z",
    ]
)  # fmt: skip
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "event_id": texts,
    "customer_id": texts | st.just("c-1"),
    "occurred_at": moments,
    "event_name": st.sampled_from(["view_item", "purchase", "refund", "a\n", "A"]) | texts,
    "currency": st.sampled_from(["EUR", "EUR\n", "eur", "ÆØÅ", "EURO", None]) | texts,
    "value": numbers,
    "transaction_id": texts,
    "purchased_at": moments,
    "items": st.none()
    | st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "item_id": texts,
                "item_name": texts,
                "price": numbers,
                "quantity": st.none() | numbers | st.sampled_from([0, 0.55, 1.0, 2, -1]),
                "discount": anything,
            },
        )
    ),
    "traits": st.dictionaries(texts, anything),
    "merged_from": st.none() | anything,
    "consent": st.dictionaries(st.sampled_from(["ads", "personalisation", "other"]), st.booleans() | anything),
    "scope": st.sampled_from(["all", "ads"]),
    "requested_at": moments,
    "device_category": st.sampled_from(["desktop", "Mobile", "Smart TV", "", None, 3]),
    "browser": texts | anything,
    "platform": texts | anything,
    "at": anything,
    "unknown": anything,
}


@settings(max_examples=100)
@given(st.sampled_from(KINDS), st.fixed_dictionaries({}, optional=FIELDS))
@example(3, {"consent": {"ads": None}})
def test_both_readers_agree_on_generated_fields(kind: int, fields: dict[str, Any]) -> None:
    whole = json.loads(good_record(kind, 1, Random(1)).value or b"") | fields
    agrees(kind, json.dumps(whole).encode(errors="surrogatepass"))
    agrees(kind, json.dumps(whole, ensure_ascii=False).encode(errors="surrogatepass"))


@settings(max_examples=50)
@given(st.sampled_from(KINDS), st.integers(0, 2**32), st.lists(st.booleans(), min_size=1, max_size=8))
def test_values_are_read_together_as_they_are_read_separately(kind: int, seed: int, changed: list[bool]) -> None:
    rng = Random(seed)
    good = [good_record(kind, number, rng).value or b"" for number in range(len(changed))]
    values = [mutated(value, rng) if change else value for value, change in zip(good, changed, strict=True)]
    alone = [read_quickly(kind, (value,)) for value in values]
    together = read_quickly(kind, values)
    if None in alone:
        assert together is None
    else:
        assert [attributes(event) for event in together or ()] == [
            attributes(event) for one in alone for event in one or ()
        ]


@settings(max_examples=25)
@given(st.sampled_from(KINDS), st.integers(0, 2**32), st.integers(2, 40))
def test_a_run_is_decoded_as_its_records_are_decoded_separately(kind: int, seed: int, count: int) -> None:
    rng = Random(seed)
    run = [good_record(kind, number, rng) for number in range(count)]
    for place in range(count):
        if rng.random() < 0.1:
            run[place] = replace(mutated_record(run[place], rng), offset=run[place].offset)
    whole, parts = DECODER.decode_run(kind, run), [DECODER.decode_run(kind, [record]) for record in run]
    assert [attributes(event) for event in whole.events] == [
        attributes(event) for part in parts for event in part.events
    ]
    assert whole.offsets == [offset for part in parts for offset in part.offsets]
    assert whole.adjusted == sum((part.adjusted for part in parts), Counter())
    assert whole.rejected == [one for part in parts for one in part.rejected]
    assert whole.heartbeat == max((part.heartbeat for part in parts if part.heartbeat is not None), default=None)


@settings(max_examples=25)
@given(st.sampled_from(KINDS), st.integers(0, 2**32))
def test_a_run_with_broken_records_is_split_into_events_and_rejections(kind: int, seed: int) -> None:
    rng = Random(seed)
    good = [good_record(kind, number, rng) for number in range(0, 40, 2)]
    bad = [replace(mutated_record(one, rng, 100_000), offset=one.offset + 1) for one in good]
    run = [record for pair in zip(good, bad, strict=True) for record in pair]
    decoded = DECODER.decode_run(kind, run)
    assert {one.offset for one in good} <= set(decoded.offsets)
    heartbeats = len(run) - len(decoded.offsets) - len(decoded.rejected)
    assert heartbeats >= 0
    assert {one.record.offset for one in decoded.rejected}.isdisjoint(decoded.offsets)
    assert all(one.detail for one in decoded.rejected)
    for event in decoded.events:
        event.event_id.encode()
        event.customer_id.encode()
