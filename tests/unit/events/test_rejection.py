"""Headers of dead letters."""

from typing import Any

from streamseg.events.rejection import ERROR_HEADERS, Reason, RejectedEvent, dead_letter_headers, original_headers
from streamseg.topics import CLICKS
from tests.support.events import record


def headers_of(reason: Reason, detail: str, **fields: Any) -> tuple[tuple[str, bytes | None], ...]:
    return dead_letter_headers(RejectedEvent(record(0, b"{", **fields), "decode", reason, detail), CLICKS, 3)


def test_a_dead_letter_keeps_its_headers_and_adds_reason_and_origin() -> None:
    own = (("trace", b"\xff"), ("trace", b""))
    headers = headers_of(Reason.NOT_JSON, "value: so", headers=own, offset=12)
    assert headers[:2] == own
    assert {name.removeprefix(ERROR_HEADERS): value for name, value in headers[2:]} == {
        "stage": b"decode",
        "reason": b"not_json",
        "detail": b"value: so",
        "topic": b"streamseg.clicks",
        "partition": b"3",
        "offset": b"12",
    }
    assert original_headers(headers) == own


def test_a_second_rejection_replaces_the_headers_of_the_first() -> None:
    once = headers_of(Reason.NOT_JSON, "first")
    twice = headers_of(Reason.SCHEMA, "second", headers=once)
    assert [name for name, _ in twice] == [name for name, _ in once]
    assert dict(twice)[f"{ERROR_HEADERS}detail"] == b"second"


def test_a_long_detail_is_cut() -> None:
    headers = headers_of(Reason.SCHEMA, "x" * 10_000)
    assert len(dict(headers)[f"{ERROR_HEADERS}detail"] or b"") == 300
