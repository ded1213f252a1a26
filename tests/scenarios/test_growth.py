"""Topics that grow: a worker that is given a partition it did not know stops; the memberships must grow along."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streamseg.errors import SettingsError
from streamseg.events.record import RecordBatch
from streamseg.kafka.admin import equal_partitions
from streamseg.topics import CLICKS, INPUT_TOPICS, MEMBERSHIPS
from streamseg.worker.assignment import Assignment


class NoTrainer:
    def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def offer(self, batch: RecordBatch) -> None: ...

    def committable(self) -> int | None: ...


def test_a_partition_beyond_those_known_at_the_start_stops_the_worker() -> None:
    async def go() -> list[Exception]:
        failures: list[Exception] = []
        surroundings = SimpleNamespace(topics=dict.fromkeys(INPUT_TOPICS, ("id", 4)), fail=failures.append)
        partitions = Assignment(cast("Any", surroundings), NoTrainer(), lambda _: None)
        partitions.begin({(topic, 4) for topic in INPUT_TOPICS})
        async with asyncio.timeout(5):
            while not failures:
                await asyncio.sleep(0.01)
        assert partitions.committable(CLICKS, 4) is None
        return failures

    (failure,) = asyncio.run(go())
    assert isinstance(failure, SettingsError)
    assert "streamseg rebuild" in str(failure)


def test_the_memberships_must_have_the_partitions_of_the_inputs() -> None:
    counts = dict.fromkeys(INPUT_TOPICS, 4)
    assert equal_partitions(counts) == 4  # the embedded broker makes the memberships with the first record
    assert equal_partitions(counts | {MEMBERSHIPS: 4}) == 4
    with pytest.raises(SettingsError, match="memberships has 2 partitions and the input topics 4"):
        equal_partitions(counts | {MEMBERSHIPS: 2})
