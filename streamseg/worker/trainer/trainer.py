"""Learns all segmentations from the samples topic, off the event loop (DESIGN.md, Learning and assigning).

Kafka's assignment gives one worker the role. A new owner restores the learners from their snapshots and reads the
compacted samples topic from the beginning; samples that a snapshot has learned are only remembered. A snapshot is
written over its parent only, so a trainer that was frozen through a rebalance cannot fork the line of versions: it
starts over from the published snapshots.
"""

import asyncio
import logging
import math
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from streamseg import pipeline
from streamseg.clustering.learning.challenge import Transition
from streamseg.clustering.params import LearnerParams
from streamseg.clustering.sample import Sample
from streamseg.clustering.snapshot import Snapshot
from streamseg.errors import StreamsegError
from streamseg.events.record import Record, RecordBatch
from streamseg.language.waiting_text import missing
from streamseg.logs import OutageLog
from streamseg.metrics import Metrics
from streamseg.ports import EventSink, ModelStore, OutgoingRecord, Reader
from streamseg.tasks import end
from streamseg.topics import MODELS, SAMPLES, SAMPLES_PARTITION
from streamseg.worker.inbox import Inbox
from streamseg.worker.pace import PRODUCTION, Pace
from streamseg.worker.run_sequence import RunSequence
from streamseg.worker.trainer.customer_maps import CustomerMaps
from streamseg.worker.trainer.late_samples import LateSamples
from streamseg.worker.trainer.lookalikes import LookalikeTraining
from streamseg.worker.trainer.segment_catalogue import SegmentCatalogue

if TYPE_CHECKING:
    from streamseg.clustering.learning.learner import Learner

log = logging.getLogger(__name__)

LEARN_AT_ONCE = 2_000
"""Samples that are learned in one go; snapshots are published in between."""


class Trainer:
    """Feeds the learners and publishes their snapshots.

    Args:
        params: how each segmentation is learned.
        models: where snapshots are published.
        sink: gets a copy of each snapshot.
        catalogue: describes the segments of each snapshot.
        reader: of the samples topic.
        metrics: of this process.
        needs: what segmentations live on, by name; for the log.
        lookalikes: learns what audiences ask for; None for nothing.
        pace: waits and intervals.
    """

    def __init__(
        self,
        params: Sequence[LearnerParams],
        *,
        models: ModelStore,
        sink: EventSink,
        catalogue: SegmentCatalogue,
        reader: Reader,
        metrics: Metrics,
        needs: Mapping[str, str] | None = None,
        lookalikes: LookalikeTraining | None = None,
        pace: Pace = PRODUCTION,
    ) -> None:
        self._params = params
        self._needs = needs or {}
        self._models = models
        self._sink = sink
        self._catalogue = catalogue
        self._metrics = metrics
        self._reader = reader
        self._pace = pace
        self._outage = OutageLog(log, "the trainer", "the servers, to start over from the published models")
        self._inbox = Inbox(reader)
        self._reassigned = False
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="trainer")
        self._learners: dict[str, Learner] = {}
        self._lookalikes = lookalikes or LookalikeTraining(params, models)
        self._maps = CustomerMaps(models, pace.maps)
        self._late = LateSamples()
        self._dropped: frozenset[str] = frozenset()
        self._published_at = 0.0
        self._asked_at = 0.0
        self._next_offset: int | None = None
        self._waiting_logged: dict[str, float] = {}

    def start(self) -> None:
        """Take the role."""
        self._task = asyncio.create_task(self._run(), name="trainer")

    def read_on(self) -> None:
        """Keep the role through a rebalance, which ended the reader's session: what is learned stays."""
        self._reassigned = True

    async def stop(self) -> None:
        """Give the role up."""
        await end(self._task)
        self._task = None
        self._inbox.empty()

    @property
    def has_room(self) -> bool:
        """Whether a run may come. Read by the thread that polls."""
        return self._inbox.has_room

    def offer(self, run: RecordBatch) -> None:
        """Take a run of samples."""
        self._inbox.put(run)

    def committable(self) -> int | None:
        """Return the offset of the next sample; None before the first run was learned."""
        return self._next_offset

    async def _run(self) -> None:
        while True:
            try:
                await self._restore()
                await self._train()
            except StreamsegError as error:
                self._outage.waits(error)
            except Exception as error:  # noqa: BLE001  what customers sent: the next run may be fine
                self._outage.waits(error, traceback=True)
            await asyncio.sleep(self._pace.trainer_retry)

    async def _restore(self) -> None:
        self._next_offset = None
        self._dropped = frozenset(await self._models.dropped())
        await self._models.remove_customer_maps(self._dropped)
        self._learners.clear()
        learner = await asyncio.get_running_loop().run_in_executor(self._thread, _learner_class)
        for params in self._params:
            if params.segmentation in self._dropped:
                continue
            stored = await self._models.snapshot(params.segmentation)
            self._learners[params.segmentation] = (
                learner(params) if stored is None else learner.restore(Snapshot.from_json(stored), params)
            )
        await self._catalogue.load()
        await self._lookalikes.load()
        self._reader.rewind({(SAMPLES, SAMPLES_PARTITION): None})

    async def _train(self) -> None:
        """Learn until a segmentation is dropped: then its samples are read once more, to be deleted."""
        sequence, checked_at = RunSequence(SAMPLES_PARTITION, self._reader), time.monotonic()
        while not await self._is_dropped_since():
            if self._reassigned:
                self._reassigned = False
                self._reader.rewind({(SAMPLES, SAMPLES_PARTITION): self._next_offset})
            runs = [run for run in await self._inbox.wait(self._pace.trainer_idle) if sequence.accepts(run)]
            for run in runs:
                for start in range(0, len(run.records), LEARN_AT_ONCE):
                    await self._learn(run.records[start : start + LEARN_AT_ONCE])
            await self._publish_if_due()
            await self._catalogue.refresh()
            self._outage.over()
            if runs:
                self._next_offset = runs[-1].next_offset
            elif time.monotonic() - checked_at > self._pace.health_check:
                checked_at = time.monotonic()
                sequence.check((SAMPLES,), inbox_empty=self._inbox.is_empty)

    async def _is_dropped_since(self) -> bool:
        if time.monotonic() - self._asked_at < self._pace.snapshot:
            return False
        self._asked_at = time.monotonic()
        return self._dropped != (await self._models.dropped()).keys()

    async def _learn(self, records: Sequence[Record]) -> None:
        loop = asyncio.get_running_loop()
        transitions, tombstones, ended, refitted = await loop.run_in_executor(
            self._thread, self._learn_in_thread, records
        )
        if tombstones:
            await self._sink.send(tombstones)
        for name, transition in transitions:
            self._metrics.challenges.labels(segmentation=name, outcome=transition.outcome).inc()
            won = transition.running_inertia if transition.outcome == "kept" else transition.fresh_inertia
            self._metrics.inertia.labels(segmentation=name).set(won)
            self._metrics.renamed.labels(segmentation=name).set(transition.moved)
            for one in transition.lineage:
                self._metrics.transitions.labels(segmentation=name, transition=one.transition).inc()
            log.info("model %s: %s at inertia %.4g", name, transition.outcome, transition.fresh_inertia)
        if refitted:
            await self._lookalikes.publish()
        if transitions or ended:
            await self._publish(set(self._learners) if ended else {name for name, _ in transitions})

    def _learn_in_thread(
        self, records: Sequence[Record]
    ) -> "tuple[list[tuple[str, Transition]], list[OutgoingRecord], bool, bool]":
        """Return the challenges, tombstones of samples that must go, and two more.

        Whether a backfill has ended, and whether look-alikes were learned anew.
        """
        self._lookalikes.follow(self._learners)
        kept, tombstones = self._late.sort_out(records)
        if tombstones:
            log.warning("%d samples came after the deletion of their customers: deleted too", len(tombstones))
        tombstones += _tombstones(kept, self._dropped)
        transitions, ended = [], False
        for record, value in kept:
            if pipeline.is_end(record.key):
                ended = self._end_backfill(record) or ended
                continue
            segmentation, customer_id = pipeline.sampled(record.key)
            learner = self._learners.get(segmentation)
            if learner is None:
                continue
            transition = self._learn_one(segmentation, learner, record, customer_id, value)
            if transition is not None:
                transitions.append((segmentation, transition))
        # Once for all that have ended: of several partitions, the last one has everybody's samples.
        for segmentation, learner in self._learners.items():
            if (transition := learner.relearn()) is not None:
                transitions.append((segmentation, transition))
        return transitions, tombstones, ended, self._lookalikes.refit(self._learners, anew=ended)

    def _learn_one(
        self,
        segmentation: str,
        learner: "Learner",
        record: Record,
        customer_id: str,
        value: pipeline.SampleValue | None,
    ) -> "Transition | None":
        """Learn a sample or its deletion; return the challenge that it led to."""
        if value is None:
            learner.forget(customer_id, record.offset)
            self._lookalikes.forget(segmentation, customer_id)
            return None
        seen = value.observed if value.observed_names == self._catalogue.observed_names else ()
        sample = Sample(
            value.customer_id,
            value.at,
            value.vector,
            value.events,
            value.spend_minor,
            seen,
            value.texts,
            value.heard,
        )
        if (logged := learner.logged(sample)) is not None:
            self._lookalikes.learn(segmentation, sample, logged, value.seeds, uniform=value.uniform)
        if not value.uniform:
            learner.forget(customer_id, record.offset)  # segments are learned from the uniform choice alone
            return None
        if learner.learn(sample, record.offset) and learner.challenge_due():
            return learner.challenge()
        return None

    def _end_backfill(self, record: Record) -> bool:
        try:
            end = msgspec.json.decode(record.value or b"", type=pipeline.BackfillEnd)
        except ValueError:  # msgspec's errors are of this type
            return False
        for learner in self._learners.values():
            learner.end_backfill(end.partition, end.at, end.since, record.offset, is_all=end.is_all)
        return True

    async def _publish_if_due(self) -> None:
        if time.monotonic() - self._published_at > self._pace.snapshot:
            await self._lookalikes.publish()
            await self._publish(set(self._learners))

    async def _publish(self, names: set[str]) -> None:
        self._published_at = time.monotonic()
        for name in sorted(names):
            snapshot = self._learners[name].snapshot()
            content = snapshot.to_json()
            if not await self._models.publish(name, snapshot.version, snapshot.parent, content):
                stored = await self._models.versions([name])
                if stored == [snapshot.version]:
                    continue  # nothing was learned since
                raise StreamsegError(f"model {name} was published by another trainer")
            await self._sink.send([OutgoingRecord(MODELS, name.encode(), content)])
            self._metrics.learned.labels(segmentation=name).set(snapshot.learned)
            samples = self._learners[name].samples()
            await self._catalogue.write(snapshot, samples)
            await self._maps.write(snapshot, samples)
            self._log_warm_up(snapshot)

    def _log_warm_up(self, snapshot: Snapshot) -> None:
        """Log what is missing until there are segments, at most every `Pace.warm_up_log` seconds."""
        due = self._waiting_logged.get(snapshot.segmentation, -math.inf) + self._pace.warm_up_log
        if not snapshot.warm and time.monotonic() >= due:
            self._waiting_logged[snapshot.segmentation] = time.monotonic()
            log.info("%s: %s", snapshot.segmentation, missing(snapshot, self._needs.get(snapshot.segmentation, "")))


def _tombstones(
    kept: "Sequence[tuple[Record, pipeline.SampleValue | None]]", dropped: Collection[str]
) -> list[OutgoingRecord]:
    """Return a tombstone for each sample of a dropped segmentation that these records do not delete themselves."""
    found: dict[bytes, bool] = {}
    for record, sample in kept if dropped else ():
        if not pipeline.is_end(record.key) and pipeline.sampled(record.key)[0] in dropped:
            found[record.key or b""] = sample is not None
    return [OutgoingRecord(SAMPLES, key, None, (), SAMPLES_PARTITION) for key, present in found.items() if present]


def _learner_class() -> "type[Learner]":
    """Import the learner: River and SciPy take half of a worker's start, so only the trainer loads them."""
    from streamseg.clustering.learning.learner import Learner  # noqa: PLC0415

    return Learner
