"""Records of an answer, taken many at a time: the same ones, and the same places, as aiokafka's own way."""

import struct
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streamseg.stream.fetching import PlainRecords

PLACE = TopicPartition("clicks", 3)
LZ4 = 3
CONTROL = 0x20
ABORT = 0
READ_COMMITTED = 1


def batch(first: int, kept: Sequence[int], compression: int = 0, *, control: bool = False, producer: int = -1) -> bytes:
    """A batch whose records stand at `first` plus each of `kept`; it ends with the last of them.

    One of a producer is transactional. A control batch holds the marker of an abort.
    """
    transactional = int(producer >= 0)
    builder = DefaultRecordBatchBuilder(2, compression, transactional, producer, 0 if transactional else -1, 0, 10**6)
    for place in kept:
        key = struct.pack(">hh", 0, ABORT) if control else b"c-%d" % place
        builder.append(place, 1_700_000_000_000 + place, key, b"v" * place, [("h", b"1")])
    made = bytearray(builder.build())
    struct.pack_into(">q", made, 0, first)  # the crc covers neither this nor what comes before the attributes
    if control:
        struct.pack_into(">h", made, 21, CONTROL | 0x10 * transactional)
    return bytes(made)


def answer(
    kind: type[PartitionRecords],
    batches: Sequence[bytes],
    start: int,
    *,
    crc: bool = False,
    aborted: Sequence[tuple[int, int]] = (),
    isolation: int = 0,
) -> Any:
    return kind(PLACE, MemoryRecords(b"".join(batches)), [*aborted], start, None, None, crc, isolation)


def all_of(records: PlainRecords, count: int) -> list[tuple[int, int, bytes | None, bytes | None]]:
    """Offset, time, key and value of each record, taken in pieces."""
    read = []
    while piece := records.take(count):
        assert len(piece) <= count
        read += [(r.offset, r.timestamp, r.key, r.value) for r in piece]
    return read


def first_start(start: int, first_batch: set[int]) -> int:
    """Move the start into the first batch: a broker's answer begins with the batch that holds it."""
    return min(start, max(first_batch, default=0))


@given(
    shapes=st.lists(
        st.tuples(st.sets(st.integers(0, 9), min_size=1), st.sampled_from([0, LZ4]), st.booleans()), max_size=6
    ),
    start=st.integers(0, 12),
    count=st.integers(1, 15),
)
def test_they_are_those_that_aiokafka_hands_out(
    shapes: list[tuple[set[int], int, bool]], start: int, count: int
) -> None:
    batches = [
        batch(10 * n, sorted(kept), 0 if control else compression, control=control)
        for n, (kept, compression, control) in enumerate(shapes)
    ]
    start = first_start(start, shapes[0][0] if shapes else {0})
    theirs = answer(PartitionRecords, batches, start)
    expected = [(r.offset, r.timestamp, r.key, r.value) for r in theirs]
    ours = answer(PlainRecords, batches, start)
    assert all_of(ours, count) == expected
    assert ours.next_fetch_offset == theirs.next_fetch_offset


def test_a_piece_that_is_full_is_followed_by_its_next_record() -> None:
    records = answer(PlainRecords, [batch(0, range(5)), batch(5, range(5))], 2)
    assert [one.offset for one in records.take(4)] == [2, 3, 4, 5]
    assert records.next_fetch_offset == 6
    assert [one.offset for one in records.take(100)] == [6, 7, 8, 9]
    assert records.next_fetch_offset == 10
    assert records.take(100) == []


def test_headers_come_along() -> None:
    [record] = answer(PlainRecords, [batch(0, [1])], 0).take(5)
    assert list(record.headers) == [("h", b"1")]


def test_a_damaged_batch_is_refused() -> None:
    damaged = bytearray(batch(0, range(3)))
    damaged[-1] ^= 0xFF
    with pytest.raises(CorruptRecordException):
        answer(PlainRecords, [bytes(damaged)], 0, crc=True).take(10)


@given(
    shapes=st.lists(
        st.tuples(st.sets(st.integers(0, 9), min_size=1), st.sampled_from([-1, 7, 8]), st.booleans()), max_size=8
    ),
    start=st.integers(0, 12),
    count=st.integers(1, 15),
)
def test_records_of_aborted_transactions_are_left_out_as_aiokafka_does_it(
    shapes: list[tuple[set[int], int, bool]], start: int, count: int
) -> None:
    """Batches of two transactional producers, markers of aborts, and batches without a producer."""
    batches, aborted, open_since = [], [], dict[int, int]()
    for n, (kept, producer, marker) in enumerate(shapes):
        is_marker = marker and producer >= 0
        batches.append(batch(10 * n, [0] if is_marker else sorted(kept), control=is_marker, producer=producer))
        if is_marker and producer in open_since:
            aborted.append((producer, open_since.pop(producer)))
        elif producer >= 0 and not is_marker:
            open_since.setdefault(producer, 10 * n)
    kept, producer, marker = shapes[0] if shapes else ({0}, -1, False)
    start = first_start(start, {0} if marker and producer >= 0 else kept)
    theirs = answer(PartitionRecords, batches, start, aborted=aborted, isolation=READ_COMMITTED)
    expected = [(r.offset, r.timestamp, r.key, r.value) for r in theirs]
    ours = answer(PlainRecords, batches, start, aborted=aborted, isolation=READ_COMMITTED)
    assert all_of(ours, count) == expected
    assert ours.next_fetch_offset == theirs.next_fetch_offset


def test_an_answer_of_aborted_records_and_a_marker_still_moves_the_next_offset() -> None:
    batches = [batch(0, range(3), producer=7), batch(3, [0], control=True, producer=7)]
    records = answer(PlainRecords, batches, 0, aborted=[(7, 0)], isolation=READ_COMMITTED)
    taken = records.take(100)
    assert list(taken) == []
    assert taken
    assert (taken.start, taken.next_offset) == (0, 4)
    assert not records.take(100)
