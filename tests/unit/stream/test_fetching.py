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


def batch(first: int, kept: Sequence[int], compression: int = 0, *, control: bool = False) -> bytes:
    """A batch whose records stand at `first` plus each of `kept`; it ends with the last of them."""
    builder = DefaultRecordBatchBuilder(2, compression, 0, -1, -1, 0, 1_000_000)
    for place in kept:
        builder.append(place, 1_700_000_000_000 + place, b"c-%d" % place, b"v" * place, [("h", b"1")])
    made = bytearray(builder.build())
    struct.pack_into(">q", made, 0, first)  # the crc covers neither this nor what comes before the attributes
    if control:
        struct.pack_into(">h", made, 21, CONTROL)
    return bytes(made)


def answer(kind: type[PartitionRecords], batches: Sequence[bytes], start: int, *, crc: bool = False) -> Any:
    return kind(PLACE, MemoryRecords(b"".join(batches)), [], start, None, None, crc, 0)


def all_of(records: PlainRecords, count: int) -> list[tuple[int, int, bytes | None, bytes | None]]:
    """Offset, time, key and value of each record, taken in pieces."""
    told = []
    while piece := records.take(count):
        assert len(piece) <= count
        told += [(r.offset, r.timestamp, r.key, r.value) for r in piece]
    return told


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
