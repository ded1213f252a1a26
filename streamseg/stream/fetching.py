"""Fetches records from the broker in larger answers, and keeps them as aiokafka's C code reads them.

The broker gathers records for a moment before it answers (`gathering.py`). aiokafka fetches more only when all its
records are taken, so gathering at the broker also keeps runs fresh.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from itertools import dropwhile, islice
from typing import Any, Final

import aiokafka
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from typing_extensions import override

from streamseg.events.record import Record
from streamseg.stream.gathering import Gathering

ENOUGH_BYTES: Final = 1_048_576
"""The broker answers at once when it has so much: a backlog is read at full speed."""
ASK_AGAIN_SECONDS: Final = 1.0
"""Between two questions for topics that no broker has told of. One that is starting knows none."""


class Taken(list[Record]):
    """Records of one partition in offset order, and where they end; true if there is anything to pass, even a marker.

    The next offset may lie beyond the last record: markers and records of aborted transactions are left out.
    """

    def __init__(self, start: int) -> None:
        super().__init__()
        self.start = start
        self.next_offset = start

    def __bool__(self) -> bool:
        return self.next_offset > self.start


class PlainRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka is untyped
    """The records of one partition in one answer, taken many at a time.

    aiokafka itself makes a `ConsumerRecord` of each in Python, which costs three times the reading. Records of aborted
    transactions are left out as aiokafka does it.
    """

    next_fetch_offset: int

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._batch: Iterator[Record] = iter(())
        self._batch_ends = self.next_fetch_offset

    def take(self, count: int) -> "Taken":
        """Return the next records, at most `count`; fewer at the end. Raises `CorruptRecordException`."""
        taken = Taken(self.next_fetch_offset)
        while len(taken) < count:
            piece = list(islice(self._batch, count - len(taken)))
            taken += piece
            if len(taken) == count:
                self.next_fetch_offset = taken[-1].offset + 1
            else:
                # Compaction may have removed the last records of a batch: its end gives the next offset.
                self.next_fetch_offset, self._batch = self._batch_ends, iter(())
                if not self._records.has_next():
                    break
                self._open(self._records.next_batch())
        taken.next_offset = self.next_fetch_offset
        return taken

    def _open(self, batch: Any) -> None:
        if self._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"Invalid CRC - {self._tp}")
        begin, self._batch_ends = self.next_fetch_offset, batch.next_offset
        aborted = self._isolation_level == fetcher.READ_COMMITTED and self._is_aborted(batch)
        # A batch comes whole, with the records before the requested offset.
        skipped = aborted or batch.is_control_batch
        self._batch = iter(()) if skipped else dropwhile(lambda one: one.offset < begin, batch)

    def _is_aborted(self, batch: Any) -> bool:
        """Return whether a batch belongs to an aborted transaction; follows the markers between the batches."""
        if batch.producer_id is None:
            return False
        self._consume_aborted_up_to(batch.base_offset)
        if batch.is_control_batch and self._contains_abort_marker(batch):
            self._aborted_producers.discard(batch.producer_id)
        return bool(batch.is_transactional and batch.producer_id in self._aborted_producers)


class RunResult(fetcher.FetchResult):  # type: ignore[misc]  # aiokafka is untyped
    """One partition's part of one answer."""

    _partition_records: PlainRecords | None

    def getall(self, max_records: int) -> "list[Record] | Taken":
        """Return the next records; none if the partition was revoked or sought meanwhile."""
        if not self.check_assignment(self._topic_partition) or self._partition_records is None:
            return []
        records = self._partition_records.take(max_records)
        self._update_position()
        if len(records) < max_records:
            self._partition_records = None
        return records


class WithRoom:
    """The topic partitions that a poll may take from, judged when it takes: their readers have room."""

    def __init__(self, active: Collection[TP], has_room: Callable[[str, int], bool]) -> None:
        self._active = active
        self._has_room = has_room

    def __contains__(self, tp: Any) -> bool:
        return tp in self._active and self._has_room(tp.topic, tp.partition)


class FetchingThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust is untyped
    """Faust's thread around aiokafka, with a consumer that lets the broker gather."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        # The fetcher only uses the classes of its module; this process has no other consumer.
        fetcher.PartitionRecords, fetcher.FetchResult = PlainRecords, RunResult
        consumer = super()._create_worker_consumer(transport)
        # The consumer gives these to its fetcher when it starts.
        self._gathering = Gathering(transport.gathering_seconds)
        consumer._fetch_max_wait_ms = self._gathering.milliseconds  # noqa: SLF001  Faust fixes it at 1.5 s
        consumer._fetch_min_bytes = ENOUGH_BYTES  # noqa: SLF001  Faust has no setting for it
        # Faust ties it to its own exactly-once mode.
        consumer._isolation_level = transport.isolation_level  # noqa: SLF001
        self._ask_for_missing(consumer._client)  # noqa: SLF001  the consumer has no public name for its client
        return consumer

    def _ask_for_missing(self, client: Any) -> None:
        """Ask again and again for topics without partitions: the group's leader assigns none of them to anybody.

        By itself aiokafka asks after five minutes, also where the last question got no answer.
        """
        if client._topics.difference(client.cluster.topics()):  # noqa: SLF001  nor the client for what it asks for
            client.force_metadata_update()
        self.thread_loop.call_later(ASK_AGAIN_SECONDS, self._ask_for_missing, client)

    @override
    async def getmany(self, active_partitions: Collection[TP], timeout: float) -> Any:
        """Poll those that have room; what was fetched of the others stays where it is, and hinders nobody."""
        polled = await super().getmany(WithRoom(active_partitions, self.consumer.handler.has_room), timeout)
        self._gathering.saw(sum(map(len, polled.values())), len({tp.partition for tp in polled}))
        fetcher = self._ensure_consumer()._fetcher  # noqa: SLF001  aiokafka has no setting that can change later
        fetcher._fetch_max_wait_ms = self._gathering.milliseconds  # noqa: SLF001  it is read before each fetch
        return polled

    def wake(self) -> None:
        """Let a poll that waits look again at what was fetched. Called from any thread; nothing happens without one."""
        with suppress(RuntimeError):  # the thread has ended
            self.thread_loop.call_soon_threadsafe(self._end_wait)

    def _end_wait(self) -> None:
        if self._consumer is None:
            return
        fetcher = self._consumer._fetcher  # noqa: SLF001  aiokafka wakes its polls the same way
        for waiter in list(fetcher._fetch_waiters):  # noqa: SLF001
            fetcher._notify(waiter)  # noqa: SLF001

    @override
    def highwater(self, tp: Any) -> int | None:
        """Return the end of what can be read: the last stable offset, where the broker tells it."""
        consumer = self._ensure_consumer()
        end: int | None = consumer.highwater(tp)
        stable: int | None = consumer.last_stable_offset(tp)
        return end if stable is None or stable < 0 or end is None else min(end, stable)

    def held_back(self, tp: Any) -> int:
        """Return the records after the last stable offset: an open transaction holds them back."""
        consumer = self._ensure_consumer()
        end, stable = consumer.highwater(tp), consumer.last_stable_offset(tp)
        return 0 if stable is None or stable < 0 or end is None else max(0, end - stable)
