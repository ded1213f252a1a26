"""Check that nobody who was erased or has expired left a sample behind."""

import asyncio
from collections.abc import Callable

from streamseg import pipeline
from streamseg.features.fields import NEVER
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.ports import Log, StateStore
from streamseg.topics import SAMPLES, SAMPLES_PARTITION

CUSTOMERS_AT_ONCE = 1_000


class SampleCheck:
    """Compares the samples topic, as a reader finds it after compaction, with the rows.

    Args:
        layout: layout of the rows.
        state: the live rows.
        log: holds the samples topic.
        delivery_seconds: a tombstone that takes longer from the row to the topic is missing.
        retry_seconds: time between two looks at the samples that should be gone.
    """

    def __init__(
        self, layout: Layout, state: StateStore, log: Log, *, delivery_seconds: float, retry_seconds: float
    ) -> None:
        self._layout = layout
        self._state = state
        self._log = log
        self._delivery_seconds = delivery_seconds
        self._retry_seconds = retry_seconds
        self._next = 0
        self._sampled: dict[str, set[str]] = {}
        """Segmentations of which a customer has a sample, by customer id."""

    async def left(self, partition: int, belongs: Callable[[str], bool]) -> list[str]:
        """Return the customers of a partition who have samples but no events in their row, or no row.

        `belongs`: returns whether a customer's key falls on the partition.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._delivery_seconds
        while True:
            await self._catch_up()
            customers = [one for one in self._sampled if belongs(one)]
            left: list[str] = []
            for start in range(0, len(customers), CUSTOMERS_AT_ONCE):
                left += await self._unknown(partition, customers[start : start + CUSTOMERS_AT_ONCE])
            if not left or clock() > deadline:
                return left
            await asyncio.sleep(self._retry_seconds)

    async def _unknown(self, partition: int, customers: list[str]) -> list[str]:
        rows = Rows(self._layout, len(customers))
        slots = rows.load(customers, await self._state.load(partition, customers))
        return [one for one, seen in zip(customers, rows.last_seen[slots].tolist(), strict=True) if seen == NEVER]

    async def _catch_up(self) -> None:
        first, end = await self._log.bounds(SAMPLES, SAMPLES_PARTITION)
        async for records in self._log.read(SAMPLES, SAMPLES_PARTITION, max(self._next, first), end):
            for record in records:
                if pipeline.is_end(record.key):
                    continue
                segmentation, customer = pipeline.sampled(record.key)
                samples = self._sampled.setdefault(customer, set())
                if record.value is None:
                    samples.discard(segmentation)
                    if not samples:
                        del self._sampled[customer]
                else:
                    samples.add(segmentation)
        self._next = end
