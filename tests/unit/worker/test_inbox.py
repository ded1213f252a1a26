"""An inbox never makes anybody wait to put a run, and tells the reader when there is room again."""

import asyncio
from collections.abc import Collection, Mapping

from streamseg.events.record import RecordBatch
from streamseg.topics import CLICKS
from streamseg.worker.inbox import WAITING_RUNS, Inbox


class Woken:
    """A reader that counts how often it is woken."""

    def __init__(self) -> None:
        self.times = 0

    def wake(self) -> None:
        self.times += 1

    def rewind(self, starts: Mapping[tuple[str, int], int | None]) -> None: ...

    def behind(self, partition: int, reached: Mapping[str, int]) -> Collection[str]:
        return ()

    def session(self, topic: str, partition: int) -> tuple[int, int]:
        return 0, 0


def runs(count: int) -> list[RecordBatch]:
    return [RecordBatch.of(CLICKS, 0, 0, number, ()) for number in range(count)]


def test_a_full_inbox_has_no_room_takes_what_was_polled_and_wakes_the_reader_when_emptied() -> None:
    async def go() -> None:
        reader, polled = Woken(), runs(WAITING_RUNS + 3)
        inbox = Inbox(reader)
        rooms = []
        for run in polled:
            rooms.append(inbox.has_room)
            inbox.put(run)
        assert rooms == [True] * WAITING_RUNS + [False] * 3
        before = reader.times
        assert await inbox.wait(1.0) == polled
        assert (before, reader.times) == (0, 1)
        assert inbox.has_room
        assert inbox.is_empty

    asyncio.run(go())


def test_a_wait_ends_with_a_run_in_time_or_when_asked() -> None:
    async def go() -> None:
        inbox, (run,) = Inbox(Woken()), runs(1)
        assert await inbox.wait(0.01) == []
        waiting = asyncio.create_task(inbox.wait(5.0))
        await asyncio.sleep(0)
        inbox.end_wait()
        assert await waiting == []
        inbox.put(run)
        assert await inbox.wait(5.0) == [run]

    asyncio.run(go())
