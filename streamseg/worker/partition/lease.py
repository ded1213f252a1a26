"""Who owns a partition, and the fenced write that only the owner can make (DESIGN.md, Exactly-once effect)."""

import asyncio
import time
from collections.abc import Mapping, Sequence

from streamseg.clustering.identity import meet, segmentation_of
from streamseg.errors import FlushRefusedError, SettingsError, StoreUnavailableError
from streamseg.features.rows import Rows, Slots
from streamseg.membership.types import OutboxEntry
from streamseg.metrics import Metrics
from streamseg.pipeline import IN_STEP, SIZE_PREFIX, Step
from streamseg.ports import Flows, Flush, StateStore
from streamseg.worker.context import Rules
from streamseg.worker.pace import Pace
from streamseg.worker.partition.outage import Outage
from streamseg.worker.partition.signs import Signs


class Lease:
    """This worker's claim to one partition, and everything that it writes under it.

    `epoch`, `flush_number`, `checkpoint` and `sizes` are what this worker wrote last.
    """

    def __init__(
        self,
        partition: int,
        owner: str,
        *,
        state: StateStore,
        rules: Rules,
        metrics: Metrics,
        pace: Pace,
        signs: Signs,
    ) -> None:
        self.partition = partition
        self._owner = owner
        self._state = state
        self._rules = rules
        self._metrics = metrics
        self._pace = pace
        self._signs = signs
        self.outage = Outage(partition, metrics, signs)
        self.epoch = 0
        self.flush_number = 0
        self.checkpoint: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.step = Step(0.0, rules.sweep_interval)
        """Whether sweeps keep up with the clock; stored with the checkpoint."""
        self.first_seq = 1
        """Sequence number of a new customer's first membership.

        A customer who expired and returns within one epoch must start above the old numbers, or readers would ignore
        the new membership.
        """

    async def claim(self) -> None:
        """Become the owner and load the checkpoint.

        Raises `SettingsError` when a topic is not the one that the rows were made from, `LayoutMismatchError`, and
        `StoreUnavailableError`.
        """
        layout = self._rules.layout
        claimed = await self._state.claim(
            self.partition, self._owner, layout.fingerprint, int(time.time() * 1000), tuple(self._rules.replaces)
        )
        await self._check_topics(claimed.topics)
        self.first_seq = 1
        self.epoch, self.flush_number = claimed.epoch, claimed.flush_number
        self.checkpoint = dict(claimed.checkpoint)
        self.step = Step(float(self.checkpoint.get(IN_STEP, 0)), self._rules.sweep_interval)
        meet(one for one in claimed.sizes if not one.startswith(SIZE_PREFIX))
        known = layout.segmentations
        self.sizes = {
            one: size
            for one, size in claimed.sizes.items()
            if one.startswith(SIZE_PREFIX) or segmentation_of(one) in known
        }

    async def yield_to_newer(self) -> None:
        """Wait while another worker has a newer claim: Kafka gave it the partition, and will tell us.

        Otherwise a worker that is cut off from Kafka, or was frozen, would claim the partition again and again. If the
        newer owner makes no progress for `Pace.standstill` seconds, assume it is dead and return.
        """
        seen, until = -1, 0.0
        try:
            while True:
                stored = await self._state.metadata(self.partition)
                if stored is None or stored.owner == self._owner or stored.epoch <= self.epoch:
                    return
                self._signs.begin_wait("newer_owner")
                if stored.flush_number != seen:
                    seen, until = stored.flush_number, time.monotonic() + self._pace.standstill
                elif time.monotonic() > until:
                    return
                await asyncio.sleep(self._pace.retry)
        finally:
            self._signs.end_wait("newer_owner")

    async def is_current(self) -> bool:
        """Return whether this worker was the last to write the partition. Raises `StoreUnavailableError`."""
        stored = await self._state.metadata(self.partition)
        return stored is not None and (stored.owner, stored.flush_number) == (self._owner, self.flush_number)

    async def flush(
        self,
        rows: Rows,
        slots: Slots,
        entries: Sequence[OutboxEntry],
        sizes: Mapping[str, int],
        checkpoint: Mapping[str, int] | None,
        *,
        flows: Flows | None = None,
        due: Sequence[tuple[str, float]] = (),
        remove: bool = False,
    ) -> tuple[str | None, bool]:
        """Write (or remove) rows together with what was decided of them, in one step.

        Args:
            rows: of the partition.
            slots: of the rows to write, shape (n,), at most `FLUSH_ROWS`.
            entries: for the outbox.
            sizes: customers by segment, as they are with these rows.
            checkpoint: next offset by topic, as it is with these rows; None leaves it.
            flows: how the rows moved; None if they did not.
            due: when customers must be looked at without an event, epoch seconds; infinite if never.
            remove: delete the rows instead.

        Returns:
            The position of the last outbox entry, None if unknown or without entries; and whether the outcome is
            known from the flush number only, so that the position is not.

        Raises:
            FlushRefusedError: another worker owns the partition, or the store lost a flush.
        """
        if checkpoint is not None:
            checkpoint = {**checkpoint, IN_STEP: int(self.step.in_step_at)}
        started = time.perf_counter()
        ids = [rows.customer_ids[slot] for slot in slots.tolist()]
        written = await self._write_until_known(
            Flush(
                self._owner,
                self.flush_number,
                rows=[(one, None) for one in ids] if remove else list(zip(ids, rows.dump(slots), strict=True)),
                outbox=entries,
                checkpoint=checkpoint,
                sizes=sizes,
                flows=flows,
                due=due,
            )
        )
        self.flush_number += 1
        self.sizes = dict(sizes)
        if checkpoint is not None:
            self.checkpoint = dict(checkpoint)
        if remove:
            last = int(rows.seq[slots].max(initial=0))  # of those without an entry too: the erased
            self.first_seq = max([self.first_seq, last + 1, *(entry.seq + 1 for entry in entries)])
        seconds = time.perf_counter() - started
        self._metrics.flush_duration.observe(seconds)
        self._metrics.steps.labels(stage="flush").observe(seconds)
        return written

    async def _write_until_known(self, flush: Flush) -> tuple[str | None, bool]:
        """Make one fenced call, again until its outcome is known; True if it is known from the flush number only."""
        try:
            return await self._state.flush(self.partition, flush), False
        except StoreUnavailableError as error:
            self.outage.waits(error, "flush")
        while True:
            await asyncio.sleep(self._pace.retry)
            try:
                stored = await self._state.metadata(self.partition)
                if stored is None or stored.owner != self._owner:
                    raise FlushRefusedError("another worker has claimed the partition")
                if stored.flush_number != flush.flush_number + 1:
                    await self._state.flush(self.partition, flush)
            except StoreUnavailableError as error:
                self.outage.waits(error, "flush")
            else:
                self.outage.over()
                return None, True

    async def _check_topics(self, stored: Mapping[str, tuple[str, int]]) -> None:
        """Compare topic ids and partition counts: offsets mean nothing in a new topic, and growth moves keys."""
        for topic, (topic_id, count) in stored.items():
            now_id, now_count = self._rules.topics.get(topic, (topic_id, count))
            if count != now_count:
                raise SettingsError(
                    f"{topic} had {count} partitions when its rows were written and has {now_count} now: "
                    "run `streamseg rebuild`"
                )
            if topic_id != now_id:
                raise SettingsError(f"{topic} was created again since its rows were written: run `streamseg rebuild`")
        if dict(stored) != dict(self._rules.topics):
            await self._state.set_topics(self.partition, self._owner, self._rules.topics)
