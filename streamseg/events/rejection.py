"""Reasons for rejecting a record, and the headers of dead letters."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from streamseg.errors import StreamsegError
from streamseg.events.record import Record

ERROR_HEADERS: Final = "__streamseg.errors."
"""Prefix of the headers that a dead letter adds to those of the record. Source: Kafka Streams, KIP-1034."""

CUT_HEADER: Final = f"{ERROR_HEADERS}cut"
"""Header of a dead letter whose value was cut to fit into the topic: the original size in bytes."""

DETAIL_CHARACTERS: Final = 300


class Reason(StrEnum):
    """Why a record is rejected. The values are public: metrics, dead letters and alerts use them."""

    NO_VALUE = "no_value"
    """The value is null; the input topics have no tombstones."""
    TOO_LARGE = "too_large"
    """The value is larger than `decode.MAX_VALUE_BYTES`."""
    UNSUPPORTED_ENVELOPE = "unsupported_envelope"
    """Another CloudEvents version, mode, type or content type, or a schema registry's prefix."""
    NOT_JSON = "not_json"
    """The value is not one JSON document in UTF-8."""
    SCHEMA = "schema"
    """The JSON is not an event of its topic."""
    MERGED_FROM = "merged_from"
    """The profile asks to merge customers."""
    WRONG_KEY = "wrong_key"
    """The key is not the customer id."""
    WRONG_PARTITION = "wrong_partition"
    """The key belongs on another partition."""
    FUTURE = "future"
    """The event occurred later than the record was appended, by more than the limit."""
    INTERNAL = "internal"
    """The record makes our own code raise, again and again. The detail is the type of the exception."""
    CURRENCY = "currency"
    """The currency has no rate, or the amount is too large."""


class RejectionError(StreamsegError):
    """A rejected record. `detail` names the field and the rule, never content that may be personal."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail if detail.startswith(f"{reason.value}:") else f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class RejectedEvent:
    """A rejected record, the stage that rejected it (`decode` or `partition`), and why."""

    record: Record
    stage: str
    reason: Reason
    detail: str


def dead_letter_headers(rejected: RejectedEvent, topic: str, partition: int) -> tuple[tuple[str, bytes | None], ...]:
    """Return the record's own headers, then stage, reason, detail, topic, partition and offset.

    If the record is a redriven dead letter, the headers of the earlier rejection are replaced.
    """
    why = {
        "stage": rejected.stage,
        "reason": rejected.reason.value,
        "detail": rejected.detail[:DETAIL_CHARACTERS],
        "topic": topic,
        "partition": str(partition),
        "offset": str(rejected.record.offset),
    }
    added = ((f"{ERROR_HEADERS}{name}", text.encode(errors="replace")) for name, text in why.items())
    return (*original_headers(rejected.record.headers), *added)


def original_headers(headers: Sequence[tuple[str, bytes | None]]) -> tuple[tuple[str, bytes | None], ...]:
    """Return the headers without those of a rejection, to redrive a dead letter with."""
    return tuple((name, value) for name, value in headers if not name.startswith(ERROR_HEADERS))
