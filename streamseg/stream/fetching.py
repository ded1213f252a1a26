"""How records come off the broker: gathered for a moment, and left as aiokafka's C code reads them.

A fetch that returns with the first record makes a run of one or two, and a run costs as much whether it holds one
record or fifty: a worker was as busy at a hundredth of its rate as at half. So the broker gathers, which also keeps a
run fresh: aiokafka asks for more only when all it has is taken, and what it fetched at once would lie there, old, until
the path comes round.
"""

from typing import Any, Final

import aiokafka
from aiokafka.consumer import fetcher
from faust.transport.drivers import aiokafka as driver

from streamseg.events.record import Record

GATHERING_SECONDS: Final = 0.02
"""How long the broker gathers records for one answer, where there are few: half of it is added to each event's way."""
ENOUGH_BYTES: Final = 1_048_576
"""With so much it answers at once: a backlog is read as fast as it can be."""


class PlainRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka is untyped
    """Hands records on as aiokafka's C code reads them: a run tells its topic and partition once.

    A `ConsumerRecord` around each would double what reading costs.
    """

    def _consumer_record(self, _: Any, record: Record) -> Record:
        return record


class FetchingThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust is untyped
    """Faust's thread around aiokafka, with a consumer that gathers."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        fetcher.PartitionRecords = PlainRecords  # the fetcher takes no other class; this process has no other consumer
        consumer = super()._create_worker_consumer(transport)
        # Faust has no settings for these, and the consumer reads them when it starts.
        consumer._fetch_max_wait_ms = int(GATHERING_SECONDS * 1000)  # noqa: SLF001
        consumer._fetch_min_bytes = ENOUGH_BYTES  # noqa: SLF001
        return consumer
