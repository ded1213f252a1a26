"""Topics that grow: a worker that is given a partition it did not know stops; the memberships must grow along."""

import asyncio

import pytest

from streamseg.errors import SettingsError
from streamseg.events.record import RecordBatch
from streamseg.kafka.admin import equal_partitions
from streamseg.topics import CLICKS, INPUT_TOPICS, MEMBERSHIPS
from streamseg.worker.assignment import Assignment
from streamseg.worker.context import RowLimit
from streamseg.worker.partition.actor import Partition
from streamseg.worker.stop_signal import StopSignal


class NoTrainer:
    def start(self) -> None: ...

    def read_on(self) -> None: ...

    async def stop(self) -> None: ...

    @property
    def has_room(self) -> bool:
        return True

    def offer(self, run: RecordBatch) -> None: ...

    def committable(self) -> int | None: ...


def test_a_partition_beyond_those_known_at_the_start_stops_the_worker() -> None:
    async def go() -> Exception | None:
        stop, opened = StopSignal(), list[int]()

        def open_partition(number: int) -> Partition:
            opened.append(number)
            raise AssertionError

        assignment = Assignment(open_partition, NoTrainer(), known_partitions=4, row_limit=RowLimit(1), stop=stop)
        assignment.begin({(topic, 4) for topic in INPUT_TOPICS})
        async with asyncio.timeout(5):
            await stop.wait()
        assert assignment.committable(CLICKS, 4) is None
        assert not opened
        return stop.failure

    failure = asyncio.run(go())
    assert isinstance(failure, SettingsError)
    assert "streamseg rebuild" in str(failure)


def test_the_memberships_must_have_the_partitions_of_the_inputs() -> None:
    counts = dict.fromkeys(INPUT_TOPICS, 4)
    assert equal_partitions(counts) == 4  # the embedded broker makes the memberships with the first record
    assert equal_partitions(counts | {MEMBERSHIPS: 4}) == 4
    with pytest.raises(SettingsError, match="memberships has 2 partitions and the input topics 4"):
        equal_partitions(counts | {MEMBERSHIPS: 2})
