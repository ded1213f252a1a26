"""The trainer role: learns all segmentations from the samples topic, off the event loop (design: mechanism 4).

One worker has it, by Kafka's assignment. A new owner restores the learners from their snapshots and reads the compacted
samples topic from its beginning: what a snapshot has learned already is only remembered. A snapshot is written over its
parent only, so an owner that was frozen through a rebalance cannot fork the line; it starts over from what stands.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from streamseg.clustering.learning.challenge import Transition
from streamseg.clustering.params import LearnerParams
from streamseg.clustering.sample import Sample
from streamseg.clustering.snapshot import Snapshot
from streamseg.errors import StreamsegError
from streamseg.events.record import Record, RecordBatch
from streamseg.metrics import Metrics
from streamseg.pipeline import SampleValue
from streamseg.ports import EventSink, ModelStore, OutgoingRecord
from streamseg.topics import MODELS, SAMPLES
from streamseg.worker.run_sequence import RunSequence
from streamseg.worker.tasks import end
from streamseg.worker.trainer.segment_catalogue import SegmentCatalogue

if TYPE_CHECKING:
    from streamseg.clustering.learning.learner import Learner

log = logging.getLogger(__name__)

PARTITION = 0
PUBLISH_INTERVAL_SECONDS = 10.0
"""Wall time after which learning is published even without a challenge: what a killed owner can lose at most."""
LEARN_AT_ONCE = 2_000
"""Samples between two looks at whether a challenge is due."""
IDLE_SECONDS = 1.0
RETRY_SECONDS = 1.0

_DECODE_SAMPLE = msgspec.json.Decoder(SampleValue).decode


class Trainer:
    """Feeds the learners and publishes what they have learned."""

    def __init__(
        self,
        params: "Callable[[], Sequence[LearnerParams]]",
        *,
        models: ModelStore,
        sink: EventSink,
        catalogue: SegmentCatalogue,
        metrics: Metrics,
        rewind: Callable[[Mapping[tuple[str, int], int | None]], None],
        session: Callable[[str, int], tuple[int, int]],
    ) -> None:
        self._params = params
        self._models = models
        self._sink = sink
        self._catalogue = catalogue
        self._metrics = metrics
        self._rewind = rewind
        self._session = session
        self._inbox: asyncio.Queue[RecordBatch] = asyncio.Queue(maxsize=2)
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="trainer")
        self._learners: dict[str, Learner] = {}
        self._published_at = 0.0
        self._next_offset: int | None = None

    def start(self) -> None:
        """Take the role."""
        self._task = asyncio.create_task(self._run(), name="trainer")

    async def stop(self) -> None:
        """Give the role up."""
        await end(self._task)
        self._task = None
        while not self._inbox.empty():
            self._inbox.get_nowait()

    async def offer(self, batch: RecordBatch) -> None:
        """Take a run of samples."""
        await self._inbox.put(batch)

    def committable(self) -> int | None:
        """The next sample to read."""
        return self._next_offset

    async def _run(self) -> None:
        while True:
            try:
                await self._restore()
                await self._train()
            except StreamsegError as error:
                log.warning("the trainer starts over from the published models: %s", error)
            except Exception:
                log.exception("the trainer starts over from the published models")
            await asyncio.sleep(RETRY_SECONDS)

    async def _restore(self) -> None:
        self._next_offset = None
        learner, all_params = await asyncio.get_running_loop().run_in_executor(self._thread, self._load)
        for params in all_params:
            stored = await self._models.snapshot(params.segmentation)
            self._learners[params.segmentation] = (
                learner(params) if stored is None else learner.restore(Snapshot.from_json(stored), params)
            )
        await self._catalogue.take_over()
        self._rewind({(SAMPLES, PARTITION): None})

    def _load(self) -> "tuple[type[Learner], Sequence[LearnerParams]]":
        """River and SciPy take half of a worker's start. So only who has the role loads them, beside the path."""
        from streamseg.clustering.learning.learner import Learner  # noqa: PLC0415

        return Learner, self._params()

    async def _train(self) -> None:
        sequence = RunSequence(PARTITION, self._session)
        while True:
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    run = await self._inbox.get()
            except TimeoutError:
                await self._publish_if_due()
                await self._catalogue.refresh()
                continue
            if not sequence.accepts(run):
                continue
            for start in range(0, len(run.records), LEARN_AT_ONCE):
                await self._learn(run.records[start : start + LEARN_AT_ONCE])
            await self._publish_if_due()
            await self._catalogue.refresh()  # samples may never stop coming
            self._next_offset = run.records[-1].offset + 1

    async def _learn(self, records: Sequence[Record]) -> None:
        loop = asyncio.get_running_loop()
        transitions = await loop.run_in_executor(self._thread, self._learn_in_thread, records)
        for name, transition in transitions:
            self._metrics.challenges.labels(segmentation=name, outcome=transition.outcome).inc()
            won = transition.running_inertia if transition.outcome == "kept" else transition.fresh_inertia
            self._metrics.inertia.labels(segmentation=name).set(won)
            log.info("model %s: %s at inertia %.4g", name, transition.outcome, transition.fresh_inertia)
        if transitions:
            await self._publish({name for name, _ in transitions})

    def _learn_in_thread(self, records: Sequence[Record]) -> "list[tuple[str, Transition]]":
        transitions = []
        for record in records:
            segmentation, _, customer_id = (record.key or b"").decode(errors="replace").partition("|")
            learner = self._learners.get(segmentation)
            if learner is None:
                continue
            if record.value is None:
                learner.forget(customer_id, record.offset)
                self._catalogue.forget(segmentation, customer_id)
                continue
            value = _DECODE_SAMPLE(record.value)
            learned = learner.learn(Sample(value.customer_id, value.at, value.x, value.events), record.offset)
            self._catalogue.remember(segmentation, value.customer_id, value.x, value.spend_minor)
            if learned and learner.challenge_due() and (transition := learner.challenge()) is not None:
                transitions.append((segmentation, transition))
        return transitions

    async def _publish_if_due(self) -> None:
        if time.monotonic() - self._published_at > PUBLISH_INTERVAL_SECONDS:
            await self._publish(set(self._learners))

    async def _publish(self, names: set[str]) -> None:
        self._published_at = time.monotonic()
        for name in sorted(names):
            snapshot = self._learners[name].snapshot()
            content = snapshot.to_json()
            if not await self._models.publish(name, snapshot.version, snapshot.parent, content):
                standing = await self._models.versions([name])
                if standing == [snapshot.version]:
                    continue  # nothing was learned since
                raise StreamsegError(f"model {name} was published by another trainer")
            await self._sink.send([OutgoingRecord(MODELS, name.encode(), content)])
            self._metrics.learned.labels(segmentation=name).set(snapshot.learned)
            await self._catalogue.write(snapshot)
