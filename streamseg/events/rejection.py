"""Why a record is not taken, and what is written beside it in dead letters."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from streamseg.errors import StreamsegError
from streamseg.events.record import Record

ERROR_HEADERS: Final = "__streamseg.errors."
"""Prefix of the headers that a dead letter has beside those of the record, after Kafka Streams' KIP-1034."""

CUT_HEADER: Final = f"{ERROR_HEADERS}cut"
"""Of a dead letter that is not whole, because the record would not fit into the topic: how many bytes it had."""

DETAIL_CHARACTERS: Final = 300


class Reason(StrEnum):
    """The reasons. Their names are public: metrics, dead letters and alerts speak of them."""

    NO_VALUE = "no_value"
    """A null value; the input topics know no tombstones."""
    TOO_LARGE = "too_large"
    """A value above `decode.MAX_VALUE_BYTES`."""
    UNSUPPORTED_ENVELOPE = "unsupported_envelope"
    """Headers of another CloudEvents version, mode, type or content, or a schema registry's prefix."""
    NOT_JSON = "not_json"
    """Bytes that are not one JSON document in UTF-8."""
    SCHEMA = "schema"
    """JSON that is not an event of its topic."""
    MERGED_FROM = "merged_from"
    """A profile that asks to merge customers."""
    WRONG_KEY = "wrong_key"
    """The key is not the customer id."""
    WRONG_PARTITION = "wrong_partition"
    """The key belongs on another partition."""
    FUTURE = "future"
    """It occurred after the record was appended, by more than the limit."""
    CURRENCY = "currency"
    """A currency without a rate, or an amount that no rate makes sense of."""


class RejectionError(StreamsegError):
    """A record that is not taken. `detail` names the field and the rule, never what the record holds."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class RejectedEvent:
    """A record that was not taken, with the stage that refused it (`decode`, `partition`) and why."""

    record: Record
    stage: str
    reason: Reason
    detail: str


def dead_letter_headers(rejected: RejectedEvent, topic: str, partition: int) -> tuple[tuple[str, bytes], ...]:
    """The record's own headers as they came, then stage, reason, detail, topic, partition and offset.

    What an earlier rejection wrote (the record may have been sent in again) is replaced.
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


def original_headers(headers: Sequence[tuple[str, bytes]]) -> tuple[tuple[str, bytes], ...]:
    """The headers without those of a rejection: what a dead letter is sent in again with."""
    return tuple((name, value) for name, value in headers if not name.startswith(ERROR_HEADERS))
