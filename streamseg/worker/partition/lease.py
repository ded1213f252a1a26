"""Who writes a partition, and the fenced write that only the owner can make (design: mechanism 3)."""

import asyncio
import time
from collections.abc import Mapping, Sequence

from numpy import intp
from numpy.typing import NDArray

from streamseg.clustering.identity import segmentation_of
from streamseg.errors import FlushRefusedError, SettingsError, StoreUnavailableError
from streamseg.features.rows import Rows
from streamseg.membership.types import OutboxEntry
from streamseg.ports import Flush
from streamseg.worker.context import Head, Surroundings
from streamseg.worker.partition.outage import Outage

FLUSH_ROWS = 2_000
"""Rows in one fenced call: 10,000 hold up Redis for 26 ms (lab)."""
RETRY_SECONDS = 0.25
STANDSTILL_SECONDS = 20.0
"""Longer than Kafka needs to notice a dead worker (`fast` profile) and to assign its partitions."""


class Lease:
    """This worker's claim to one partition, and all that it writes under it."""

    def __init__(self, partition: int, surroundings: Surroundings) -> None:
        self.number = partition
        self._s = surroundings
        self.head = Head(0, 0, {}, {})
        self.first_seq = 1
        """Where the numbers of a new customer's memberships begin: one who has left and comes back within the same
        epoch must be above what was said before, or readers would take it for old."""
        self.patience = Outage(partition, surroundings.metrics)

    async def claim(self) -> None:
        """Become the owner, and learn where to read on.

        Raises `SettingsError` when a topic is not the one that the rows were written from, `LayoutMismatchError`, and
        `StoreUnavailableError`.
        """
        layout = self._s.layout
        claimed = await self._s.state.claim(
            self.number, self._s.owner, layout.fingerprint, int(time.time() * 1000), tuple(self._s.follows)
        )
        await self._check_topics(claimed.topics)
        self.first_seq = 1
        sizes = {one: size for one, size in claimed.sizes.items() if segmentation_of(one) in layout.segmentations}
        self.head = Head(claimed.epoch, claimed.flush_number, dict(claimed.checkpoint), sizes)

    async def give_way(self) -> None:
        """Wait while a later claim than ours stands: Kafka gave the partition to another worker, and will tell us.

        A worker that is cut off from Kafka, or was frozen, would otherwise take the partition back again and again.
        When the other one stands still for long, Kafka may have lost it without a word to us: then we claim.
        """
        seen, until = -1, 0.0
        while True:
            stored = await self._s.state.metadata(self.number)
            if stored is None or stored.owner == self._s.owner or stored.epoch <= self.head.epoch:
                return
            if stored.flush_number != seen:
                seen, until = stored.flush_number, time.monotonic() + STANDSTILL_SECONDS
            elif time.monotonic() > until:
                return
            await asyncio.sleep(RETRY_SECONDS)

    async def is_current(self) -> bool:
        """Whether the store still knows this worker as the last writer. Raises `StoreUnavailableError`."""
        stored = await self._s.state.metadata(self.number)
        return stored is not None and (stored.owner, stored.flush_number) == (self._s.owner, self.head.flush_number)

    async def flush(
        self,
        rows: Rows,
        slots: NDArray[intp],
        entries: Sequence[OutboxEntry],
        checkpoint: Mapping[str, int],
        sizes: Mapping[str, int],
        *,
        remove: bool = False,
    ) -> tuple[str | None, bool]:
        """Write (or remove) rows, and decisions, in calls of at most `FLUSH_ROWS`; decisions go with their rows.

        The entries are in the order of their rows.
        """
        started = time.perf_counter()
        position, in_doubt, gone_out = None, False, 0
        pieces = range(0, max(len(slots), 1), FLUSH_ROWS)
        for start in pieces:
            piece = slots[start : start + FLUSH_ROWS]
            ids = [rows.customer_ids[slot] for slot in piece.tolist()]
            last = start == pieces[-1]
            outbox = entries[gone_out:] if last else _of(ids, entries, gone_out)
            gone_out += len(outbox)
            flush = Flush(
                self._s.owner,
                self.head.flush_number,
                rows=[(customer, None) for customer in ids]
                if remove
                else list(zip(ids, rows.dump(piece), strict=True)),
                outbox=outbox,
                checkpoint=checkpoint if last else None,
                sizes=sizes if last else None,
            )
            written, doubt = await self._write(flush)
            position, in_doubt = written or position, in_doubt or doubt
            self.head.flush_number += 1
        self.head.checkpoint, self.head.sizes = dict(checkpoint), dict(sizes)
        if remove:
            self.first_seq = max([self.first_seq, *(entry.seq + 1 for entry in entries)])
        self._s.metrics.flush_duration.observe(time.perf_counter() - started)
        return position, in_doubt

    async def _write(self, flush: Flush) -> tuple[str | None, bool]:
        """One fenced call, tried until its outcome is known; True when it is known only from the flush number."""
        try:
            return await self._s.state.flush(self.number, flush), False
        except StoreUnavailableError as error:
            self.patience.waits(error, "flush")
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            try:
                stored = await self._s.state.metadata(self.number)
                if stored is None or stored.owner != self._s.owner:
                    raise FlushRefusedError("another worker has claimed the partition")
                if stored.flush_number != flush.flush_number + 1:
                    await self._s.state.flush(self.number, flush)
            except StoreUnavailableError as error:
                self.patience.waits(error, "flush")
            else:
                self.patience.goes_on()
                return None, True

    async def _check_topics(self, stored: Mapping[str, tuple[str, int]]) -> None:
        """Offsets mean nothing in a topic that was made anew, and keys move when it is grown."""
        for topic, (topic_id, count) in stored.items():
            now_id, now_count = self._s.topics.get(topic, (topic_id, count))
            if count != now_count:
                raise SettingsError(
                    f"{topic} had {count} partitions when its rows were written and has {now_count} now: "
                    "run `streamseg rebuild`"
                )
            if topic_id != now_id:
                raise SettingsError(f"{topic} was made anew since its rows were written: run `streamseg rebuild`")
        if dict(stored) != dict(self._s.topics):
            await self._s.state.set_topics(self.number, self._s.owner, self._s.topics)


def _of(customer_ids: Sequence[str], entries: Sequence[OutboxEntry], start: int) -> Sequence[OutboxEntry]:
    """The entries from `start` on that are of these customers."""
    own, end = frozenset(customer_ids), start
    while end < len(entries) and entries[end].customer_id in own:
        end += 1
    return entries[start:end]
