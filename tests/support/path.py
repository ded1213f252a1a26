"""Records, segmentations and a small path for the tests of the pipeline."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamseg import pipeline
from streamseg.clustering.assign import Assigner
from streamseg.clustering.encode import Scale
from streamseg.clustering.snapshot import Snapshot, WarmUp
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import MemoryRecord, RecordBatch
from streamseg.features.layout import Attribute, Layout
from streamseg.features.rows import NO_SLOTS, Rows, Slots
from streamseg.membership.types import Consent, OutboxEntry
from streamseg.pipeline import AudiencesLook, LiveAudiences
from streamseg.topics import INPUT_TOPICS

NOW = 1_795_000_000.0
DAY = 86_400.0
MONEY = Money("EUR")
RULES = pipeline.PublishingRules(DAY, 30 * DAY, Consent(ads=False, personalisation=True))
SEGMENTS = ("behaviour-aaaa", "behaviour-bbbb")


def record(source: int, offset: int, at: float = NOW, customer: str = "c-1", **body: Any) -> MemoryRecord:
    moment = np.datetime64(int(at), "s").item().isoformat() + "Z"
    value = {"event_id": f"e{source}-{offset}", "customer_id": customer, "occurred_at": moment, **body}
    return MemoryRecord(
        INPUT_TOPICS[source], 0, offset, int(NOW * 1000) + 1_000, customer.encode(), msgspec.json.encode(value)
    )


def click(offset: int, at: float = NOW, customer: str = "c-1", name: str = "view_item") -> MemoryRecord:
    items = [{"item_id": "sku", "price": 20.0}] if name == "view_item" else []
    return record(0, offset, at, customer, event_name=name, items=items)


def purchase(offset: int, value: float, at: float = NOW, customer: str = "c-1") -> MemoryRecord:
    return record(1, offset, at, customer, transaction_id=f"t{offset}", value=value, currency="EUR")


def segmentation(warm: bool = True, looks: int = 1) -> pipeline.Segmentation:
    """Return a segmentation with two segments, by views and by purchases; without a model if not `warm`."""
    snapshot = Snapshot(
        segmentation="behaviour",
        version=3,
        parent=2,
        generation=1,
        clusterer="kmeans",
        features=("views", "purchases"),
        skewed=(False, False),
        scale=Scale((0.0, 0.0), (1.0, 1.0)),
        centres=((5.0, 0.0), (0.0, 5.0)),
        segments=SEGMENTS,
        counts=(1, 1),
        learned=2,
        samples_offset=-1,
        first_sample_at=None,
        learned_until=None,
        last_challenge_at=None,
        warm_up=WarmUp(2, 2, 5.0, 5),
    )
    return pipeline.Segmentation(
        "behaviour", ("views", "purchases"), 0.05, looks, DAY, Assigner(snapshot) if warm else None, 3 if warm else 0
    )


def by_age() -> pipeline.Segmentation:
    """Return a segmentation by an attribute alone, with two segments: young and old."""
    behaviour = segmentation().assigner
    assert behaviour is not None
    snapshot = replace(
        behaviour.snapshot,
        segmentation="age",
        features=("profile_age",),
        skewed=(False,),
        scale=Scale((50.0,), (100.0,)),
        centres=((-3.0,), (3.0,)),
        segments=("age-aaaa", "age-bbbb"),
    )
    return pipeline.Segmentation("age", ("profile_age",), 0.05, 1, DAY, Assigner(snapshot), 1, attributes=(0,))


class PathUnderTest:
    """A slab and the functions of the path, called as a worker calls them."""

    def __init__(self, *given: pipeline.Segmentation, layout: Layout | None = None) -> None:
        self.segmentations = list(given) or [segmentation()]
        self.rows = Rows(layout or Layout.of())
        self.sizes: dict[str, int] = {}
        self.entries: list[OutboxEntry] = []
        """Of the latest `decide`."""
        self.audiences: LiveAudiences | None = None
        self.seen_audiences: AudiencesLook | None = None
        """Of the latest `decide`."""

    def take(self, source: int, *records: MemoryRecord, belongs: bool = True) -> pipeline.Taken:
        batch = RecordBatch.of(INPUT_TOPICS[source], 0, 1, 0, records)
        return pipeline.take(Decoder(MONEY), source, batch, self.rows, lambda customers: () if belongs else customers)

    def feed(self, source: int, *records: MemoryRecord, now: float = NOW) -> list[dict[str, Any]]:
        """Take one run through the whole path. Returns the outbox entries, decoded."""
        known = [one.key.decode() for one in records if one.key is not None and one.key.decode() in self.rows.slots]
        before = self.answers_of(known) if source in {3, 4} else {}
        return self.decide(self.absorb(source, *records), now, before)

    def absorb(self, source: int, *records: MemoryRecord) -> Slots:
        """Absorb one run. Returns the slots of its customers."""
        taken = self.take(source, *records)
        assert not taken.rejected
        self.rows.load(taken.missing, [None] * len(taken.missing))
        return pipeline.absorb(self.rows, source, taken, MONEY)[0]

    def answers_of(self, customers: Sequence[str]) -> dict[int, tuple[int, int, int]]:
        """Return the codes of the consents by slot, as a worker keeps them before it absorbs."""
        slots = self.rows.slots_of(customers)
        return dict(zip(slots.tolist(), self.rows.answers(slots), strict=True))

    def decide(
        self,
        slots: Any,
        now: float = NOW,
        answered: Any = None,
        *,
        earliest: float | None = None,
        flushed: NDArray[np.uint32] | None = None,
        cleared: Slots = NO_SLOTS,
    ) -> list[dict[str, Any]]:
        """Look, publish and count sizes. Returns the outbox entries, decoded; a deletion has `gone`.

        `earliest` is that of the look, `now` by default; `flushed` are the segments before looks in between; `cleared`
        are rows that an erasure has cleared since the latest flush.
        """
        looked = pipeline.look(self.rows, slots, now if earliest is None else earliest, self.segmentations)
        looked.compare_with(flushed)
        self.seen_audiences = pipeline.look_at_audiences(
            self.rows,
            slots,
            now,
            self.audiences,
            cleared,
            answered=answered or {},
            unknown=pipeline.NOTHING_SAID,
            looked=looked,
        )
        self.entries = entries = pipeline.publish(
            self.rows,
            slots,
            looked,
            now=now,
            wall_now=now,
            parts=[pipeline.Part(len(slots), epoch=7)],
            segmentations=self.segmentations,
            rules=RULES,
            answered=answered or {},
            cleared=cleared,
            audiences=self.seen_audiences,
        )
        self.sizes = pipeline.count_sizes(looked.before, looked.after, self.segmentations, self.sizes)
        self.sizes = pipeline.count_audiences(self.seen_audiences, self.sizes)
        return [
            {"changes": entry.changes, **(json.loads(entry.membership) if entry.membership else {"gone": True})}
            for entry in entries
        ]


LAYOUT_WITH_AGE = Layout.of(segmentations=("behaviour", "age"), attributes=(Attribute("age"),))


def path_with_age(**changes: Any) -> PathUnderTest:
    """A path with both segmentations; `changes` are fields of the one by age."""
    return PathUnderTest(segmentation(), replace(by_age(), **changes), layout=LAYOUT_WITH_AGE)
