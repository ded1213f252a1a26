"""Dead letters: each is listed once, and its record is sent again once, unchanged."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from streamseg.events.cloudevents import PROBE_TYPE
from streamseg.events.record import MemoryRecord
from streamseg.events.rejection import Reason, RejectedEvent, dead_letter_headers
from streamseg.ports import OutgoingRecord
from streamseg.repair.redrive import BYTES_AT_ONCE, LETTERS_AT_ONCE, DeadLetter, redrive, unsent_letters
from streamseg.topics import CLICKS, DEAD_LETTERS, PURCHASES
from tests.support.partition import MemoryLog


def rejected(topic: str, offset: int, reason: Reason = Reason.SCHEMA) -> OutgoingRecord:
    record = MemoryRecord(topic, 3, offset, 0, b"c-1", b"{}", (("ce_type", b"x"), ("ce_type", b"y")))
    headers = dead_letter_headers(RejectedEvent(record, "decode", reason, "why"), topic, 3)
    return OutgoingRecord(DEAD_LETTERS, b"c-1", b"{}", headers)


def unsent(log: MemoryLog) -> list[DeadLetter]:
    async def listed() -> list[DeadLetter]:
        return [one async for one in unsent_letters(log, 1)]

    return asyncio.run(listed())


async def chosen(*letters: DeadLetter) -> AsyncIterator[DeadLetter]:
    for one in letters:
        yield one


def filled(*records: OutgoingRecord) -> MemoryLog:
    log = MemoryLog()
    asyncio.run(log.send(records))
    return log


def test_a_record_rejected_twice_because_of_a_rewind_is_one_dead_letter() -> None:
    log = filled(rejected(CLICKS, 7), rejected(PURCHASES, 7), rejected(CLICKS, 7))
    letters = unsent(log)
    assert [(one.topic, one.partition, one.offset) for one in letters] == [(CLICKS, 3, 7), (PURCHASES, 3, 7)]
    assert letters[0].shown() | {"rejected_at": 0.0} == {
        "topic": CLICKS, "partition": 3, "offset": 7, "stage": "decode", "reason": "schema", "detail": "why",
        "rejected_at": 0.0, "bytes": 2, "cut": False,
    }  # fmt: skip


def test_a_redriven_record_is_unchanged_and_no_longer_listed() -> None:
    log = filled(rejected(CLICKS, 7), rejected(CLICKS, 8))
    first, second = unsent(log)
    assert asyncio.run(redrive(chosen(first), log)) == 1
    [back] = log.records[CLICKS]
    assert (back.key, back.value, back.headers) == (b"c-1", b"{}", (("ce_type", b"x"), ("ce_type", b"y")))
    assert unsent(log) == [second]


def test_a_redriven_record_that_is_rejected_again_is_a_new_dead_letter() -> None:
    log = filled(rejected(CLICKS, 7))
    asyncio.run(redrive(unsent_letters(log, 1), log))
    asyncio.run(log.send([rejected(CLICKS, 9)]))
    assert [one.offset for one in unsent(log)] == [9]


def test_records_of_other_programs_in_the_topic_are_skipped() -> None:
    log = filled(OutgoingRecord(DEAD_LETTERS, None, b"?", (("theirs", b"1"),)))
    assert unsent(log) == []


def test_a_probe_that_an_older_worker_rejected_is_not_sent_again() -> None:
    record = MemoryRecord(CLICKS, 3, 5, 0, None, b"{}", (("ce_type", PROBE_TYPE.encode()),))
    headers = dead_letter_headers(RejectedEvent(record, "decode", Reason.UNSUPPORTED_ENVELOPE, "why"), CLICKS, 3)
    log = filled(OutgoingRecord(DEAD_LETTERS, None, b"{}", headers))
    assert unsent(log) == []


class PiecewiseLog(MemoryLog):
    """Reads ten records at a time, and notes how many dead letters were read before each `send`, and its bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.read_before: list[int] = []
        self.sent: list[int] = []
        self.sizes: list[int] = []
        self._read = 0

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[list[MemoryRecord]]:
        self._read = 0
        for at in range(start, end, 10):
            piece = self.records[topic][at : min(at + 10, end)]
            self._read += len(piece)
            yield piece

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        self.read_before.append(self._read)
        self.sent.append(len(records) // 2)
        self.sizes.append(sum(len(one.value or b"") for one in records))
        await super().send(records)


@pytest.mark.parametrize(("letters", "value"), [(3 * LETTERS_AT_ONCE, b"{}"), (40, b"x" * (1 << 20))])
def test_a_redrive_holds_a_few_letters_at_a_time(letters: int, value: bytes) -> None:
    """The topic may hold the records of weeks."""
    log = PiecewiseLog()
    for n in range(letters):
        one = rejected(CLICKS, n)
        log.append(DEAD_LETTERS, one.key, value, one.headers)
    assert asyncio.run(redrive(unsent_letters(log, 1), log)) == letters == len(log.records[CLICKS])
    assert len(log.sent) > 2
    for n, read in enumerate(log.read_before):
        assert read - sum(log.sent[:n]) <= LETTERS_AT_ONCE + 10
    assert max(log.sizes) <= BYTES_AT_ONCE + len(value)
    assert unsent(log) == []
