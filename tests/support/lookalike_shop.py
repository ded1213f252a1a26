"""A simulated shop whose customers are looked at, sampled, learned and looked at again, as a worker and trainer do."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from streamseg import pipeline
from streamseg.audiences.declared import DeclaredAudiences
from streamseg.clustering.likeness.models import Lookalikes
from streamseg.clustering.sample import Sample
from streamseg.evaluation.event_stream import EventStream
from streamseg.evaluation.in_process_worker import InProcessWorker
from streamseg.pipeline import LiveAudiences, SampleValue
from streamseg.settings import AttributeSettings, AudienceSettings, load_settings
from streamseg.sources.event import SourceEvent, rfc3339
from streamseg.store.memory import MemoryModelStore
from streamseg.wiring.declared_audiences import live_audiences
from streamseg.wiring.derived import derive
from streamseg.worker.trainer.lookalikes import LookalikeTraining
from tests.support.declared import declared

SEED = {"trait": "chosen", "is": "yes"}


class LookalikeShop:
    """Plays a stream to the middle. Half of a true group then has the trait `chosen`: these are the seed."""

    def __init__(self, stream: EventStream, group: str) -> None:
        settings = load_settings()
        found = settings.model_copy(
            update={
                "segmentations": {"behaviour": settings.segmentations["behaviour"]},
                "audiences": AudienceSettings(most=3),
                "features": settings.features.model_copy(
                    update={"attributes": {"chosen": AttributeSettings(values=("yes", "no"))}}
                ),
            }
        )
        self.layout = derive(found).layout
        self.segmentation = derive(found).segmentations[0]
        self.worker = InProcessWorker(found, 0)
        self.now = stream.before_at
        for end, events in stream.days():
            if end > self.now + 1:
                break
            if events:
                self.worker.flush(events, events[-1].occurred_at)
        truth = stream.labels(self.now) or {}
        self.ids = [self.worker.rows.customer_ids[slot] for slot in self.worker.assignable().tolist()]
        self.of_group = [one for one in self.ids if truth.get(one) == group]
        self.seed = set(np.random.default_rng(1).permutation(self.of_group)[: len(self.of_group) // 2].tolist())
        self.worker.flush([self._chosen(one) for one in sorted(self.seed)], self.now)
        self.models = MemoryModelStore()
        self.live: LiveAudiences | None = None
        self.training = LookalikeTraining([self.worker.learner.params], self.models, self._wanted)

    def _wanted(self) -> tuple[Any, ...]:
        return () if self.live is None else self.live.lookalikes

    def _chosen(self, customer: str) -> SourceEvent:
        given = {"event_id": f"p-{customer}", "customer_id": customer, "occurred_at": rfc3339(self.now - 1.0)}
        value = msgspec.json.encode({**given, "traits": {"chosen": "yes"}})
        return SourceEvent("profile", f"p-{customer}", customer, self.now - 1.0, value)

    @property
    def true_size(self) -> int:
        """Members of the group who are not in the seed."""
        return len(self.of_group) - len(self.seed)

    def look(self, rules: Mapping[str, Any], published: Lookalikes) -> dict[str, set[str]]:
        """Look at everybody, and give the samples to the trainer; return the members by audience."""
        audiences: DeclaredAudiences = declared(rules, 3)
        self.live, problems = live_audiences(self.layout, audiences, None, published, compared_by=[self.segmentation])
        assert not problems
        rows = self.worker.rows
        slots = np.arange(len(rows), dtype=np.intp)
        looked = pipeline.look(rows, slots, self.now, [self.segmentation], settles=False)
        found = pipeline.look_at_audiences(rows, slots, self.now, self.live)
        assert found is not None
        seeds = pipeline.look_at_seeds(rows, slots, looked, found, self.live)
        segments = {"behaviour": self.worker.learner}
        self.training.follow(segments)
        for one in pipeline.sample(rows, slots, self.now, [self.segmentation], seeds=seeds):
            assert one.value is not None
            self.learn(msgspec.json.decode(one.value, type=SampleValue))
        return {
            audience: {rows.customer_ids[slot] for slot in np.flatnonzero(found.after[:, column]).tolist()}
            for column, audience in enumerate(found.ids)
        }

    def learn(self, read: SampleValue) -> None:
        sample = Sample(read.customer_id, read.at, read.vector, read.events)
        logged = self.worker.learner.logged(sample)
        assert logged is not None
        self.training.learn("behaviour", sample, logged, read.seeds, uniform=read.uniform)
        self.worker.learner.remember(sample)

    def learned(self) -> Lookalikes:
        """Learn anew what is due, publish it, and return what is stored."""
        self.training.refit({"behaviour": self.worker.learner})
        asyncio.run(self.training.publish())
        return Lookalikes.decode(asyncio.run(self.models.lookalikes()))

    def precision(self, found: set[str]) -> float:
        return len(found & set(self.of_group)) / max(len(found), 1)
