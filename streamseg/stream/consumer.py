"""Faust in runs: whole runs of records per partition instead of single records (design: mechanism 1).

An idiomatic agent pays a task, a queue item and an ack per record. Here a poll yields one item per partition, and
commits follow the *checkpoint*, not Faust's acks: Faust acks in `finally`, so a run whose agent raised would count as
done, and "highest acked + 1" would commit past a hole.

Reading happens in *sessions*: each starts at a durable checkpoint, and its runs are numbered from 0. A poll that was
under way when a session began anew carries the old session and is dropped by its reader, so no order of rebalance,
rewind and poll can skip a record.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Protocol, cast

import aiokafka
import faust
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.transports import SchedulingStrategyT

from streamseg.events.record import RecordBatch
from streamseg.logs import KAFKA_OUTAGE
from streamseg.stream.fetching import FetchingThread
from streamseg.topics import INPUT_TOPICS

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.25


class Checkpoints(Protocol):
    """Where reading starts and what may be committed: the truth stands in the store, not in Kafka."""

    def begin(self, assigned: set[tuple[str, int]]) -> None:
        """These are read from now on, and no others; the reader asks for a `rewind` to where it must start."""
        ...

    def committable(self, topic: str, partition: int) -> int | None:
        """The next offset to read, as far as everything before it is durable and delivered."""
        ...


class RunScheduler(SchedulingStrategyT):  # type: ignore[misc]  # Faust is untyped
    """Yields a run per poll and partition."""

    def __init__(self) -> None:
        self._sessions: dict[TP, int] = defaultdict(int)
        self._begun: dict[TP, int] = {}
        self._numbers: dict[tuple[TP, int], int] = defaultdict(int)

    def open_session(self, tp: TP) -> int:
        """Everything polled so far is stale; the number of the session that begins once its start is sought."""
        self._numbers.pop((tp, self._sessions[tp]), None)
        self._sessions[tp] += 1
        return self._sessions[tp]

    def begin_session(self, tp: TP, session: int) -> None:
        """The start is sought: what is polled from now on belongs to the session, even if a later one is asked for."""
        self._begun[tp] = session

    def session(self, topic: str, partition: int) -> tuple[int, int]:
        """The current session, and how many runs of it were handed out."""
        tp = TP(topic, partition)
        session = self._sessions[tp]
        return session, self._numbers[tp, session]

    def iterate(self, records: Mapping[TP, list[Any]]) -> Iterator[tuple[TP, Any]]:
        """What was polled, in runs; of partitions whose session has not begun, nothing."""
        for tp, run in records.items():
            if run and (session := self._begun.get(tp)) == self._sessions[tp]:
                number = self._numbers[tp, session]
                self._numbers[tp, session] += 1
                yield tp, RecordBatch(tp.topic, tp.partition, session, number, run)


class RunConsumer(driver.Consumer):  # type: ignore[misc]  # Faust is untyped
    """Faust's consumer, reading in sessions and committing checkpoints."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.checkpoints: Checkpoints = self.transport.checkpoints
        self.scheduler = RunScheduler()
        self._rewinds: dict[TP, tuple[int, int | None]] = {}

    def _new_consumer_thread(self) -> FetchingThread:
        return FetchingThread(self, loop=self.loop, beacon=self.beacon)

    def rewind(self, starts: Mapping[tuple[str, int], int | None]) -> None:
        """Read on from these offsets with the next poll; what is under way of them is stale from now on."""
        for topic_partition, offset in starts.items():
            tp = TP(*topic_partition)
            self._rewinds[tp] = (self.scheduler.open_session(tp), offset)

    def behind(self, partition: int, reached: Mapping[str, int]) -> list[str]:
        """The topics of an assigned partition that hold records beyond `reached`, or whose end is not known yet."""
        mine = [tp for tp in self.assignment() if tp.partition == partition and tp.topic in INPUT_TOPICS]
        ends = {tp.topic: self.highwater(tp) for tp in mine}
        return [topic for topic, end in ends.items() if end is None or reached.get(topic, 0) < end]

    def backlog(self) -> dict[tuple[str, int], int]:
        """Records appended but not committed yet, per assigned partition whose end is known."""
        behind = {}
        for tp in self.assignment():
            end = self.highwater(tp)
            if end is not None:
                done = self.checkpoints.committable(tp.topic, tp.partition)
                behind[tp.topic, tp.partition] = max(0, end - (done or 0))
        return behind

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        """Apply the rewinds asked for, then poll: in one task, so that no poll runs beside a seek."""
        if self._rewinds and not await self._apply_rewinds():
            await asyncio.sleep(RETRY_SECONDS)
            return
        async for item in super().getmany(timeout):
            yield item

    async def _apply_rewinds(self) -> bool:
        """Seek, and begin the sessions; False when it has to be tried again."""
        rewinds, self._rewinds = self._rewinds, {}
        assigned = self.assignment()
        ours = {tp: rewind for tp, rewind in rewinds.items() if tp in assigned}
        try:
            await self._seek_all({tp: offset for tp, (_, offset) in ours.items()})
        except (KafkaError, TimeoutError) as error:
            log.warning("seeking the checkpoints failed (%s); trying again", type(error).__name__)
            self._rewinds = ours | self._rewinds
            return False
        for tp, (session, _) in ours.items():
            self.scheduler.begin_session(tp, session)
        return True

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """A new assignment: what was polled before is stale, and the readers say where they start.

        Faust moves to the committed offsets, which may lie ahead of the checkpoints, and perhaps past a rewind that was
        applied meanwhile. So sessions end before and after.
        """
        self._end_sessions()
        try:
            committed = await super().seek_to_committed()
        finally:
            self._end_sessions()
            self.checkpoints.begin({(tp.topic, tp.partition) for tp in self.assignment()})
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

    def _to_message(self, tp: TP, record: RecordBatch) -> Any:
        last = record.records[-1]
        return driver.ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            last.timestamp / 1000.0,
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
        """Nothing: gaps between runs are all the records in them."""

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        yield from (
            tp for tp in self.assignment() | set(self._acked) if topics is None or tp in topics or tp.topic in topics
        )

    def _new_offset(self, tp: TP) -> int | None:
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self.checkpoints.committable(tp.topic, tp.partition)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Nothing: Faust's watch counts its own acks, and crashes on a partition that is just being sought.

        Readers notice a run that got lost by its number (`RunSequence.under_way`).
        """

    async def wait_empty(self) -> None:
        """Commit and let go: what is under way will be read again, and the fences make that harmless."""
        self._unacked_messages.clear()
        await self.commit_and_end_transactions()

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Tell Kafka where the checkpoints stand. Losing one costs nothing, so it must not end the worker."""
        try:
            return bool(await asyncio.wait_for(self._thread.call_thread(self._commit_in_thread, offsets), 10.0))
        except (KafkaError, TimeoutError) as error:
            log.warning("Kafka did not take the commit (%s); the checkpoints in the store stand", type(error).__name__)
            return False

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
    """The aiokafka transport with the consumer above."""

    Consumer = RunConsumer

    def __init__(self, *args: Any, checkpoints: Checkpoints, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.checkpoints = checkpoints


class RunSchema(faust.Schema):  # type: ignore[misc]  # Faust is untyped
    """Hands a run through as it is: decoding is the path's own step."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:
        """No key: a run has many."""

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002  Faust's signature
        """The run."""
        return message.value
