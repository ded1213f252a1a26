"""Makes dead letters of rejected records; stops the worker instead when most of a topic is rejected.

A broker measures compressed batches, so a record of ten megabytes may pass a limit of one. Its dead letter might not,
and would block the partition: so a large record is cut, and a header gives its full size.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from streamseg.errors import RecordRefusedError, StreamsegError
from streamseg.events.rejection import CUT_HEADER, ERROR_HEADERS, RejectedEvent, dead_letter_headers
from streamseg.metrics import Metrics
from streamseg.ports import OutgoingRecord
from streamseg.topics import DEAD_LETTERS, LARGEST_INPUT_BYTES

CUT_KEY_BYTES: Final = 1_024
CUT_VALUE_BYTES: Final = 65_536
"""Bytes that are kept of the key and the value of a record that is too large."""


class MostlyRejectedError(StreamsegError):
    """Too large a share of a topic's latest records was rejected: a bad deployment, not bad events."""


class RejectedShare:
    """The share of a topic's latest `window` records that was rejected."""

    def __init__(self, topic: str, limit: float, window: int) -> None:
        self._topic = topic
        self._limit = limit
        self._window = window
        self._runs: deque[tuple[int, int]] = deque()
        self._seen = 0
        self._rejected = 0

    def add(self, seen: int, rejected: int) -> None:
        """Count a run of `seen` records. Raises `MostlyRejectedError` once a full window is above the limit."""
        self._runs.append((seen, rejected))
        self._seen += seen
        self._rejected += rejected
        while self._runs and self._seen - self._runs[0][0] >= self._window:
            old_seen, old_rejected = self._runs.popleft()
            self._seen -= old_seen
            self._rejected -= old_rejected
        if self._seen >= self._window and self._rejected > self._limit * self._seen:
            raise MostlyRejectedError(
                f"{self._rejected} of the latest {self._seen} records of {self._topic} were rejected, more than "
                f"worker.rejected_share_limit = {self._limit:g}: stopped before the topic is emptied into dead letters"
            )


def dead_letters(
    rejected: Sequence[RejectedEvent], topic: str, partition: int, metrics: Metrics
) -> list[OutgoingRecord]:
    """Return records for the dead-letter topic: key, value and headers as received; reason and origin as headers."""
    for one in rejected:
        metrics.rejected.labels(topic=topic, reason=one.reason.value).inc()
    return [_letter(one, topic, partition) for one in rejected]


def _letter(one: RejectedEvent, topic: str, partition: int) -> OutgoingRecord:
    record, headers = one.record, dead_letter_headers(one, topic, partition)
    key, value = record.key or b"", record.value or b""
    size = len(key) + len(value) + sum(len(name) + len(content or b"") for name, content in record.headers)
    if size <= LARGEST_INPUT_BYTES and one.detail != RecordRefusedError.__name__:
        return OutgoingRecord(DEAD_LETTERS, record.key, record.value, headers)
    ours = tuple(header for header in headers if header[0].startswith(ERROR_HEADERS))
    cut = (*ours, (CUT_HEADER, str(size).encode()))
    return OutgoingRecord(DEAD_LETTERS, key[:CUT_KEY_BYTES], value[:CUT_VALUE_BYTES], cut)
