"""Decoding records: what is accepted, and the reason for each rejection."""

import pytest

from streamseg.events.cloudevents import EVENT_CE_TYPES, HEARTBEAT_TYPE, binary_headers
from streamseg.events.decode import MAX_VALUE_BYTES, Decoder
from streamseg.events.rejection import Reason
from streamseg.events.types import EVENT_TYPES, KINDS, Heartbeat
from streamseg.sources.sending import heartbeats
from streamseg.topics import INPUT_TOPICS
from streamseg.worker.probes import probe
from tests.support.events import (
    APPENDED_MS,
    CLICK,
    CONSENT,
    DECODER,
    MONEY,
    PROFILE,
    PURCHASE,
    body,
    decoded,
    record,
    rejection,
)

HEARTBEAT = (("ce_specversion", b"1.0"), ("ce_type", HEARTBEAT_TYPE.encode()))


def test_kinds_have_the_order_of_the_input_topics() -> None:
    assert tuple(f"streamseg.{kind}s" for kind in KINDS) == INPUT_TOPICS


@pytest.mark.parametrize("kind", range(len(EVENT_TYPES)))
def test_the_smallest_valid_value_of_each_kind_is_accepted(kind: int) -> None:
    event = decoded(kind, record(kind, body(kind)))
    assert (event.event_id, event.customer_id, event.at) == ("e-1", "c-81", APPENDED_MS / 1000)


def test_valid_and_rejected_records_of_a_run_keep_their_offsets() -> None:
    run = [
        record(CLICK, body(CLICK, event_id="a"), offset=7),
        record(CLICK, b"{", offset=8),
        record(CLICK, body(CLICK, event_id="b"), offset=11),
        record(CLICK, body(CLICK), b"c-82", offset=12),
    ]
    taken = DECODER.decode_run(CLICK, run)
    assert [event.event_id for event in taken.events] == ["a", "b"]
    assert taken.offsets == [7, 11]
    assert [(one.record.offset, one.stage, one.reason) for one in taken.rejected] == [
        (8, "decode", Reason.NOT_JSON),
        (12, "decode", Reason.WRONG_KEY),
    ]
    assert taken.heartbeat is None


def test_an_event_may_be_ahead_of_its_record_by_at_most_the_limit() -> None:
    decoder = Decoder(MONEY, future_limit_seconds=60.0)
    decoded(CLICK, record(CLICK, body(CLICK), timestamp=APPENDED_MS - 60_000), decoder)
    ahead = record(CLICK, body(CLICK), timestamp=APPENDED_MS - 60_001)
    assert rejection(CLICK, ahead, decoder).reason is Reason.FUTURE


def test_an_event_is_never_too_old() -> None:
    event = decoded(CLICK, record(CLICK, body(CLICK, occurred_at="1970-01-01T00:00:00Z")))
    assert event.at == 0.0


@pytest.mark.parametrize("value", [b"x" * (MAX_VALUE_BYTES + 1), b"{" * 10_000_000])
def test_a_value_above_the_limit_is_rejected_without_parsing(value: bytes) -> None:
    assert rejection(CLICK, record(CLICK, value)).reason is Reason.TOO_LARGE


@pytest.mark.parametrize("customer_id", ["c-81", "ключ", "c|:/%$#", "é" * 256])
def test_a_customer_id_of_printable_characters_is_accepted(customer_id: str) -> None:
    event = decoded(CLICK, record(CLICK, body(CLICK, customer_id=customer_id), customer_id.encode()))
    assert event.customer_id == customer_id


@pytest.mark.parametrize("customer_id", ["", "a b", "a\tb", "a\u00a0b", "a\u200bb", "{a}", "a}", "a" * 257, "a\x00"])
def test_an_invalid_customer_id_is_rejected(customer_id: str) -> None:
    one = record(CLICK, body(CLICK, customer_id=customer_id), customer_id.encode())
    assert rejection(CLICK, one).reason is Reason.SCHEMA


def test_a_time_keeps_its_microseconds_and_offset() -> None:
    event = decoded(CLICK, record(CLICK, body(CLICK, occurred_at="2026-11-23T15:05:09.123456+01:00")))
    assert event.at == pytest.approx(APPENDED_MS / 1000 + 0.003456, abs=1e-6)


def test_unknown_fields_are_ignored_whatever_their_value() -> None:
    value = b'{"event_id":"e","customer_id":"c-81","occurred_at":"2026-11-23T14:05:09Z","event_name":"scroll",'
    for odd in (b"NaN", b"1e999", b'{"a":[1,{}]}', b"12345678901234567890123", b'"\\ud83d\\ude00"'):
        assert decoded(CLICK, record(CLICK, value + b'"odd":' + odd + b"}")).event_id == "e"


@pytest.mark.parametrize(
    "odd", [b"9" * 5000, b"[" * 300 + b"]" * 300, b"[" * 100_000, b'"\xff"', b'"\\ud800"', b'"\x01"', b"01"]
)
def test_invalid_json_is_rejected_even_in_unknown_fields(odd: bytes) -> None:
    value = b'{"event_id":"e","customer_id":"c-81","occurred_at":"2026-11-23T14:05:09Z","event_name":"scroll","odd":'
    assert rejection(CLICK, record(CLICK, value + odd + b"}")).reason is Reason.NOT_JSON


def test_the_last_value_of_a_repeated_name_counts() -> None:
    value = (
        b'{"event_id":"a","event_id":"b","customer_id":"c-81","occurred_at":"2026-11-23T14:05:09Z","event_name":"x"}'
    )
    assert decoded(CLICK, record(CLICK, value)).event_id == "b"


def test_a_detail_never_quotes_the_record() -> None:
    secret = "s3cr3t"
    for kind, value in (
        (PROFILE, body(PROFILE, traits=[secret])),
        (PROFILE, body(PROFILE, merged_from=[secret])),
        (CLICK, body(CLICK, event_name=secret.upper())),
        (PURCHASE, body(PURCHASE, currency=secret)),
        (CONSENT, body(CONSENT, consent={secret: 1, "ads": secret})),
        (CLICK, body(CLICK, occurred_at=secret)),
        (CLICK, body(CLICK, customer_id=secret)),
    ):
        assert secret not in rejection(kind, record(kind, value)).detail.lower()


def test_a_purchase_in_a_currency_with_a_rate_is_accepted_and_in_others_rejected() -> None:
    decoded(PURCHASE, record(PURCHASE, body(PURCHASE, currency="GBP")))
    assert rejection(PURCHASE, record(PURCHASE, body(PURCHASE, currency="USD"))).reason is Reason.CURRENCY
    assert decoded(CLICK, record(CLICK, body(CLICK, currency="USD"))).currency == "USD", "its prices are left out"


def test_a_consent_has_the_stated_answers() -> None:
    event = decoded(CONSENT, record(CONSENT, body(CONSENT, consent={"ads": False, "analytics": None})))
    assert (event.ads, event.personalisation, event.analytics) == (False, None, None)


# -- the envelope ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", range(len(EVENT_TYPES)))
def test_headers_that_we_write_are_accepted(kind: int) -> None:
    headers = binary_headers(KINDS[kind], "e-1", APPENDED_MS / 1000)
    assert dict(headers)["ce_type"].decode() == EVENT_CE_TYPES[kind]
    assert dict(headers)["ce_time"] == b"2026-11-23T14:05:09.120Z"
    decoded(kind, record(kind, body(kind), headers=headers))


@pytest.mark.parametrize(
    "headers",
    [
        (("trace-id", b"\xff\x00"),),
        (("content-type", b"application/json; charset=utf-8"),),
        (("content-type", b"Application/JSON"),),
        (("ce_specversion", b"1.0.2"), ("ce_type", b"streamseg.click.v1")),
    ],
)
def test_irrelevant_headers_are_ignored(headers: tuple[tuple[str, bytes], ...]) -> None:
    decoded(CLICK, record(CLICK, body(CLICK), headers=headers))


@pytest.mark.parametrize(
    "headers",
    [
        (("content-type", b"application/cloudevents+json"),),
        (("content-type", b"application/x-protobuf"),),
        (("ce_specversion", b"0.3"), ("ce_type", b"streamseg.click.v1")),
        (("ce_specversion", b"1.0"),),
        (("ce_type", b"streamseg.purchase.v1"),),
    ],
)
def test_an_unsupported_envelope_is_rejected(headers: tuple[tuple[str, bytes], ...]) -> None:
    assert rejection(CLICK, record(CLICK, body(CLICK), headers=headers)).reason is Reason.UNSUPPORTED_ENVELOPE


def test_heartbeats_give_the_latest_time_and_no_events() -> None:
    beats = [
        record(CLICK, sent.value, sent.key, sent.headers)
        for at in (APPENDED_MS / 1000 - 60, APPENDED_MS / 1000, APPENDED_MS / 1000 - 30)
        for sent in heartbeats(at, 1)
    ]
    taken = DECODER.decode_run(CLICK, beats)
    assert taken.heartbeat == APPENDED_MS / 1000
    assert (taken.events, taken.rejected) == ([], [])
    assert isinstance(decoded(CLICK, beats[0]), Heartbeat)


@pytest.mark.parametrize("ends", [True, False])
def test_a_heartbeat_can_say_that_a_history_has_ended(ends: bool) -> None:
    at = APPENDED_MS / 1000
    sent = [*heartbeats(at, 1, ends_history=ends), *heartbeats(at, 1)]
    run = [record(CLICK, body(CLICK)), *(record(CLICK, one.value, one.key, one.headers) for one in sent)]
    assert DECODER.decode_run(CLICK, run).history_ended is ends


def test_a_heartbeat_with_a_key_or_without_a_valid_time_is_rejected() -> None:
    moment = {"occurred_at": "2026-11-23T14:05:09Z"}
    assert rejection(CLICK, record(CLICK, moment, b"c-81", HEARTBEAT)).reason is Reason.WRONG_KEY
    assert rejection(CLICK, record(CLICK, {}, None, HEARTBEAT)).reason is Reason.SCHEMA
    ahead = record(CLICK, moment, None, HEARTBEAT, timestamp=0)
    assert rejection(CLICK, ahead).reason is Reason.FUTURE


def test_probes_are_neither_events_nor_heartbeats() -> None:
    """Also one of a worker whose clock is an hour ahead: it moves nothing."""
    sent = [probe(0, at) for at in (APPENDED_MS / 1000, APPENDED_MS / 1000 + 3_600.0)]
    run = [record(CLICK, body(CLICK)), *(record(CLICK, one.value, one.key, one.headers) for one in sent)]
    taken = DECODER.decode_run(CLICK, run)
    assert taken.probes == [APPENDED_MS / 1000, APPENDED_MS / 1000 + 3_600.0]
    assert (len(taken.events), taken.heartbeat, taken.rejected) == (1, None, [])


def test_a_probe_with_a_key_or_without_a_valid_time_is_rejected() -> None:
    sent = probe(0, APPENDED_MS / 1000)
    assert rejection(CLICK, record(CLICK, sent.value, b"c-81", sent.headers)).reason is Reason.WRONG_KEY
    assert rejection(CLICK, record(CLICK, b"{}", None, sent.headers)).reason is Reason.SCHEMA
