"""Dead letters: each is listed once, and its record is sent again once, unchanged."""

import asyncio

from streamseg.events.cloudevents import PROBE_TYPE
from streamseg.events.record import MemoryRecord
from streamseg.events.rejection import Reason, RejectedEvent, dead_letter_headers
from streamseg.ports import OutgoingRecord
from streamseg.repair.redrive import read_dead_letters, redrive
from streamseg.topics import CLICKS, DEAD_LETTERS, PURCHASES
from tests.support.partition import MemoryLog


def rejected(topic: str, offset: int, reason: Reason = Reason.SCHEMA) -> OutgoingRecord:
    record = MemoryRecord(topic, 3, offset, 0, b"c-1", b"{}", (("ce_type", b"x"), ("ce_type", b"y")))
    headers = dead_letter_headers(RejectedEvent(record, "decode", reason, "why"), topic, 3)
    return OutgoingRecord(DEAD_LETTERS, b"c-1", b"{}", headers)


def filled(*records: OutgoingRecord) -> MemoryLog:
    log = MemoryLog()
    asyncio.run(log.send(records))
    return log


def test_a_record_rejected_twice_because_of_a_rewind_is_one_dead_letter() -> None:
    log = filled(rejected(CLICKS, 7), rejected(PURCHASES, 7), rejected(CLICKS, 7))
    letters = asyncio.run(read_dead_letters(log, 1))
    assert [(one.topic, one.partition, one.offset) for one in letters] == [(CLICKS, 3, 7), (PURCHASES, 3, 7)]
    assert letters[0].shown() | {"rejected_at": 0.0} == {
        "topic": CLICKS, "partition": 3, "offset": 7, "stage": "decode", "reason": "schema", "detail": "why",
        "rejected_at": 0.0, "bytes": 2, "cut": False,
    }  # fmt: skip


def test_a_redriven_record_is_unchanged_and_no_longer_listed() -> None:
    log = filled(rejected(CLICKS, 7), rejected(CLICKS, 8))
    first, second = asyncio.run(read_dead_letters(log, 1))
    assert asyncio.run(redrive([first], log)) == 1
    [back] = log.records[CLICKS]
    assert (back.key, back.value, back.headers) == (b"c-1", b"{}", (("ce_type", b"x"), ("ce_type", b"y")))
    assert asyncio.run(read_dead_letters(log, 1)) == [second]


def test_a_redriven_record_that_is_rejected_again_is_a_new_dead_letter() -> None:
    log = filled(rejected(CLICKS, 7))
    asyncio.run(redrive(asyncio.run(read_dead_letters(log, 1)), log))
    asyncio.run(log.send([rejected(CLICKS, 9)]))
    assert [one.offset for one in asyncio.run(read_dead_letters(log, 1))] == [9]


def test_records_of_other_programs_in_the_topic_are_skipped() -> None:
    log = filled(OutgoingRecord(DEAD_LETTERS, None, b"?", (("theirs", b"1"),)))
    assert asyncio.run(read_dead_letters(log, 1)) == []


def test_a_probe_that_an_older_worker_rejected_is_not_sent_again() -> None:
    record = MemoryRecord(CLICKS, 3, 5, 0, None, b"{}", (("ce_type", PROBE_TYPE.encode()),))
    headers = dead_letter_headers(RejectedEvent(record, "decode", Reason.UNSUPPORTED_ENVELOPE, "why"), CLICKS, 3)
    log = filled(OutgoingRecord(DEAD_LETTERS, None, b"{}", headers))
    assert asyncio.run(read_dead_letters(log, 1)) == []
