"""What an assignment begins, leaves alone and ends."""

import asyncio

from streamseg.events.record import RecordBatch
from streamseg.topics import INPUT_TOPICS, SAMPLES, SAMPLES_PARTITION
from streamseg.worker.assignment import Assignment
from streamseg.worker.context import RowLimit
from streamseg.worker.partition.actor import Partition
from streamseg.worker.stop_signal import StopSignal
from tests.support.partition import OnePartition, Servers, until


class Role:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def start(self) -> None:
        self.told.append("start")

    def read_on(self) -> None:
        self.told.append("read on")

    async def stop(self) -> None:
        self.told.append("stop")

    @property
    def has_room(self) -> bool:
        return False

    def offer(self, run: RecordBatch) -> None: ...

    def committable(self) -> int | None: ...


class Opened:
    """An assignment with the partitions that it opened, in order."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.role = Role()
        self.assignment = Assignment(
            self._open, self.role, known_partitions=4, row_limit=RowLimit(100), stop=StopSignal()
        )

    def _open(self, number: int) -> Partition:
        self.numbers.append(number)
        return OnePartition(Servers(), "worker", number=number, partitions=4).partition


def of(*numbers: int, trains: bool = False) -> set[tuple[str, int]]:
    role = {(SAMPLES, SAMPLES_PARTITION)} if trains else set()
    return {(topic, number) for topic in INPUT_TOPICS for number in numbers} | role


def test_what_stays_is_not_opened_again_and_what_is_taken_away_is_given_up() -> None:
    async def go() -> None:
        opened = Opened()
        one = opened.assignment
        one.begin(of(0, 1, trains=True))
        await until(lambda: one.cold() is None)
        one.begin(of(1, 2, trains=True))
        await until(lambda: set(one.numbers) == {1, 2} and opened.role.told[-1] == "read on")
        assert opened.numbers == [0, 1, 2]
        assert one.has_room(INPUT_TOPICS[0], 0)
        assert not one.has_room(SAMPLES, SAMPLES_PARTITION)
        one.begin(of(1))
        await until(lambda: set(one.numbers) == {1} and opened.role.told[-1] == "stop")
        assert opened.role.told == ["start", "read on", "stop"]
        await one.finish(1.0)

    asyncio.run(go())


def test_a_worker_without_partitions_is_ready_and_gives_up_those_that_it_had() -> None:
    async def go() -> None:
        opened = Opened()
        one = opened.assignment
        assert one.cold() == "no partitions are assigned yet"
        one.begin(set())
        await until(lambda: one.cold() is None)
        one.begin(of(0, trains=True))
        await until(lambda: set(one.numbers) == {0})
        one.begin(set())
        await until(lambda: not one.numbers and not one.trains)
        assert (opened.role.told[-1], one.cold()) == ("stop", None)
        await one.finish(1.0)

    asyncio.run(go())


def test_a_worker_that_stops_begins_nothing_more() -> None:
    async def go() -> None:
        opened = Opened()
        opened.assignment.begin(of(0))
        await until(lambda: opened.assignment.cold() is None)
        await opened.assignment.finish(1.0)
        opened.assignment.begin(of(0, 1, 2, 3))
        await asyncio.sleep(0.05)
        assert opened.numbers == [0]

    asyncio.run(go())
