"""Faust's consumer, changed to hand out whole runs and to commit checkpoints (DESIGN.md, Reading in runs).

An idiomatic agent pays a task, a queue item and an ack per record. Here a poll yields one item per topic, with a run of
each partition. Commits follow the *checkpoint*, not Faust's acks: Faust acks in `finally`, so a run whose agent raised
would count as done, and "highest acked + 1" would commit past a hole.

Reading happens in *sessions*. Each starts at a durable checkpoint and numbers its runs from 0. A poll that was under
way when a new session began carries the old session, and its reader drops it: no order of rebalance, rewind and poll
can skip a record.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, cast

import aiokafka
import faust
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streamseg.events.record import RecordBatch
from streamseg.logs import KAFKA_OUTAGE, OutageLog
from streamseg.ports import RunHandler
from streamseg.settings import KafkaSettings
from streamseg.stream.fetching import FetchingThread
from streamseg.stream.sessions import RunScheduler
from streamseg.topics import INPUT_TOPICS

log = logging.getLogger(__name__)

SEEK_AGAIN_SECONDS: Final = 0.25
COMMIT_SECONDS: Final = 10.0
"""How long a commit may take before the consumer goes on without it."""


class RunConsumer(driver.Consumer):  # type: ignore[misc]  # Faust is untyped
    """Reads in sessions and commits checkpoints."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.handler: RunHandler = self.transport.handler
        self.scheduler = RunScheduler()
        self._rewinds: dict[TP, tuple[int, int | None]] = {}
        self._seek_outage = OutageLog(log, "seeking the checkpoints", "Kafka")
        self._commit_outage = OutageLog(log, "the commit (the checkpoints in the store are not affected)", "Kafka")

    def _new_consumer_thread(self) -> FetchingThread:
        return FetchingThread(self, loop=self.loop, beacon=self.beacon)

    def rewind(self, starts: Mapping[tuple[str, int], int | None]) -> None:
        """Continue at these offsets with the next poll, None for the first one kept; runs under way are stale."""
        for topic_partition, offset in starts.items():
            tp = TP(*topic_partition)
            self._rewinds[tp] = (self.scheduler.open_session(tp), offset)

    def wake(self) -> None:
        """Let the poll look again for partitions that have room."""
        self._thread.wake()

    def behind(self, partition: int, reached: Mapping[str, int]) -> list[str]:
        """Return the assigned input topics of a partition with records at or after `reached`, or an unknown end."""
        assigned = self._thread._ensure_consumer().assignment()  # noqa: SLF001  Faust makes a set of its own each time
        mine = [tp for topic in INPUT_TOPICS if (tp := TP(topic, partition)) in assigned]
        ends = {tp.topic: self.highwater(tp) for tp in mine}
        return [topic for topic, end in ends.items() if end is None or reached.get(topic, 0) < end]

    def backlog(self) -> dict[tuple[str, int], int]:
        """Return the uncommitted records of each assigned topic partition whose end is known."""
        behind = {}
        for tp in self.assignment():
            end = self.highwater(tp)
            if end is not None:
                done = self.handler.committable(tp.topic, tp.partition)
                behind[tp.topic, tp.partition] = max(0, end - (done or 0))
        return behind

    def held_back(self) -> dict[tuple[str, int], int]:
        """Return, by assigned topic partition, the records that an open transaction holds back."""
        return {(tp.topic, tp.partition): self._thread.held_back(tp) for tp in self.assignment()}

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        """Apply the rewinds, then poll: in one task, so that no poll runs beside a seek."""
        if self._rewinds and not await self._apply_rewinds():
            await asyncio.sleep(SEEK_AGAIN_SECONDS)
            return
        async for item in super().getmany(timeout):
            yield item

    async def _apply_rewinds(self) -> bool:
        """Seek and begin the sessions; returns False if it must be tried again."""
        rewinds, self._rewinds = self._rewinds, {}
        assigned = self.assignment()
        ours = {tp: rewind for tp, rewind in rewinds.items() if tp in assigned}
        try:
            await self._seek_all({tp: offset for tp, (_, offset) in ours.items()})
        except (KafkaError, TimeoutError) as error:
            self._seek_outage.waits(error)
            self._rewinds = ours | self._rewinds
            return False
        self._seek_outage.over()
        for tp, (session, _) in ours.items():
            self.scheduler.begin_session(tp, session)
        return True

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Start a new assignment: everything polled before is stale, and the handler asks for rewinds.

        Faust seeks the committed offsets, which may be ahead of the checkpoints, and may do so after a rewind was
        applied. So sessions end before and after its seek.
        """
        self._end_sessions()
        try:
            committed = await super().seek_to_committed()
        finally:
            self._end_sessions()
            self.handler.begin({(tp.topic, tp.partition) for tp in self.assignment()})
        return cast("Mapping[TP, int]", committed)

    def _end_sessions(self) -> None:
        for tp in self.assignment():
            session = self.scheduler.open_session(tp)
            if tp in self._rewinds:
                self._rewinds[tp] = (session, self._rewinds[tp][1])

    async def _seek_all(self, starts: Mapping[TP, int | None]) -> None:
        beginnings = [tp for tp, offset in starts.items() if offset is None]
        offsets = {tp: offset for tp, offset in starts.items() if offset is not None}
        if beginnings:
            await self._thread.seek_to_beginning(*map(driver.ensure_aiokafka_TP, beginnings))
        if offsets:
            await self._thread.seek_wait({driver.ensure_aiokafka_TP(tp): offset for tp, offset in offsets.items()})
        for tp in starts:
            # Faust drops whatever lies below the offset that it has read last.
            self._read_offset[tp] = None
            self._committed_offset[tp] = None

    def _to_message(self, tp: TP, record: Sequence[RecordBatch]) -> Any:
        first = record[0]
        return driver.ConsumerMessage(
            tp.topic,
            tp.partition,
            first.next_offset - 1,
            first.records[-1].timestamp / 1000.0 if first.records else 0.0,
            None,
            (),
            None,
            cast("bytes", record),  # passed through by RunSchema
            None,
            None,
            None,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: Faust would see the records inside a run as a gap."""

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        yield from (
            tp for tp in self.assignment() | set(self._acked) if topics is None or tp in topics or tp.topic in topics
        )

    def _new_offset(self, tp: TP) -> int | None:
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self.handler.committable(tp.topic, tp.partition)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: Faust's check counts its own acks, and crashes on a partition during a seek.

        Partitions find a missing run by its number instead.
        """

    async def wait_empty(self) -> None:
        """Commit without waiting for runs under way: they are read again, and skipped where they were applied."""
        self._unacked_messages.clear()
        with suppress(ConsumerNotStarted):  # stopped while it starts: nothing was read
            await self.commit_and_end_transactions()

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit checkpoints to Kafka. Losing a commit costs nothing, so an error must not end the worker."""
        try:
            done = await asyncio.wait_for(self._thread.call_thread(self._commit_in_thread, offsets), COMMIT_SECONDS)
        except (KafkaError, TimeoutError) as error:
            self._commit_outage.waits(error)
            return False
        self._commit_outage.over()
        return bool(done)

    async def _commit_in_thread(self, offsets: Mapping[TP, int]) -> bool:
        consumer: aiokafka.AIOKafkaConsumer = self._thread._ensure_consumer()  # noqa: SLF001  the seam itself
        assigned = consumer.assignment()
        mine = {
            driver.ensure_aiokafka_TP(tp): OffsetAndMetadata(offset, "")
            for tp, offset in offsets.items()
            if driver.ensure_aiokafka_TP(tp) in assigned
        }
        if mine:
            await consumer.commit(mine)
            if (seconds := KAFKA_OUTAGE.end()) is not None:
                log.info("Kafka answers again after %.0f s", seconds)
        return bool(mine)


class RunTransport(driver.Transport):  # type: ignore[misc]  # Faust is untyped
    """Faust's aiokafka transport with `RunConsumer`."""

    Consumer = RunConsumer

    def __init__(self, *args: Any, handler: RunHandler, kafka: KafkaSettings, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.handler = handler
        self.isolation_level = kafka.isolation_level
        self.gathering_seconds = kafka.gathering_seconds


class RunSchema(faust.Schema):  # type: ignore[misc]  # Faust is untyped
    """Passes runs through undecoded: decoding is a step of the path."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:
        """Return None: a run has many keys."""

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002  Faust's signature
        """Return the runs."""
        return message.value
