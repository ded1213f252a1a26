"""Fetches records from the broker in larger answers, and keeps them as aiokafka's C code reads them.

A fetch that returns with the first record makes a run of one or two, and a run costs the same with one record or
fifty: a worker was as busy at a hundredth of its rate as at half. So the broker gathers records for a moment. aiokafka
fetches more only when all its records are taken, so gathering at the broker also keeps runs fresh.
"""

from collections.abc import Iterator
from itertools import dropwhile, islice
from typing import Any, Final

import aiokafka
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from faust.transport.drivers import aiokafka as driver

from streamseg.events.record import Record

GATHERING_SECONDS: Final = 0.02
"""How long the broker gathers records for one answer; adds half of it to each event's latency."""
ENOUGH_BYTES: Final = 1_048_576
"""The broker answers at once when it has so much: a backlog is read at full speed."""


class PlainRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka is untyped
    """The records of one partition in one answer, taken many at a time.

    aiokafka itself makes a `ConsumerRecord` of each in Python, which costs three times the reading. Transactions are
    ignored: Faust reads uncommitted, and so does this.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._batch: Iterator[Record] = iter(())
        self._batch_ends = self.next_fetch_offset

    def take(self, count: int) -> list[Record]:
        """Return the next records, at most `count`; fewer at the end. Raises `CorruptRecordException`."""
        taken: list[Record] = []
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
        return taken

    def _open(self, batch: Any) -> None:
        if self._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"Invalid CRC - {self._tp}")
        begin, self._batch_ends = self.next_fetch_offset, batch.next_offset
        # A batch comes whole, with the records before the requested offset.
        self._batch = iter(()) if batch.is_control_batch else dropwhile(lambda one: one.offset < begin, batch)


class RunResult(fetcher.FetchResult):  # type: ignore[misc]  # aiokafka is untyped
    """One partition's part of one answer."""

    _partition_records: PlainRecords | None

    def getall(self, max_records: int) -> list[Record]:
        """Return the next records; none if the partition was revoked or sought meanwhile."""
        if not self.check_assignment(self._topic_partition) or self._partition_records is None:
            return []
        records = self._partition_records.take(max_records)
        self._update_position()
        if len(records) < max_records:
            self._partition_records = None
        return records


class FetchingThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust is untyped
    """Faust's thread around aiokafka, with a consumer that lets the broker gather."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        # The fetcher only uses the classes of its module; this process has no other consumer.
        fetcher.PartitionRecords, fetcher.FetchResult = PlainRecords, RunResult
        consumer = super()._create_worker_consumer(transport)
        # The consumer gives these to its fetcher when it starts.
        consumer._fetch_max_wait_ms = int(GATHERING_SECONDS * 1000)  # noqa: SLF001  Faust fixes it at 1.5 s
        consumer._fetch_min_bytes = ENOUGH_BYTES  # noqa: SLF001  Faust has no setting for it
        return consumer
