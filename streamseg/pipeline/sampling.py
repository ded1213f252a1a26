"""What the trainer is told: feature vectors, each customer at most once in a learning interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from streamseg.clustering.budget import LearnBudget, draw
from streamseg.clustering.sample import RANKS, rank_of
from streamseg.features.rows import Rows, Slots
from streamseg.features.vector import vectors
from streamseg.pipeline.segmentation import Segmentation, has_grounds


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """A feature vector on its way to the trainer."""

    customer_id: str
    key: bytes
    value: bytes


class SampleValue(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The value of a sample record: what the trainer reads."""

    v: int = 1
    segmentation: str
    customer_id: str
    at: float
    events: int
    spend_minor: int
    x: tuple[float, ...]
    """Raw features, in the order of the segmentation's."""


_ENCODE_SAMPLE: Final = msgspec.json.Encoder().encode


def sample(
    rows: Rows, slots: Slots, now: float, segmentations: Sequence[Segmentation], budget: LearnBudget | None = None
) -> list[SampleRecord]:
    """Feature vectors that are due to be learned (one per customer and interval); marks the rows as learned.

    Where there are many more customers than challenges need, only those with the lowest ranks are sampled, a uniform
    choice: what a segmentation costs its trainer does not grow with the number of customers. Those that are beyond the
    budget stay due: they get their turn at a later look. Without a budget all are taken.
    """
    samples = []
    for s, segmentation in enumerate(segmentations):
        if segmentation.dropped:
            continue
        active = slots[has_grounds(rows, slots, segmentation)]
        due = active[now - rows.learned_at[active, s] >= segmentation.learn_interval_seconds]
        if segmentation.sampled_share < 1.0:
            bound = segmentation.sampled_share * RANKS
            wanted = np.array([rank_of(rows.customer_ids[slot]) < bound for slot in due.tolist()], dtype=bool)
            rows.learned_at[due[~wanted], s] = now
            due = due[wanted]
        granted = len(due) if budget is None else budget.grant(segmentation.name, len(due), now)
        if not granted:
            continue
        if granted < len(due):
            due = due[draw([rows.customer_ids[slot] for slot in due.tolist()], granted, now)]
        rows.learned_at[due, s] = now
        columns = zip(
            due.tolist(),
            rows.events[due].tolist(),
            rows.spend_minor[due].tolist(),
            vectors(rows, due, now, segmentation.features).tolist(),
            strict=True,
        )
        for slot, events, spend_minor, vector in columns:
            customer_id = rows.customer_ids[slot]
            value = SampleValue(
                segmentation=segmentation.name,
                customer_id=customer_id,
                at=now,
                events=events,
                spend_minor=spend_minor,
                x=tuple(vector),
            )
            samples.append(SampleRecord(customer_id, sample_key(segmentation.name, customer_id), _ENCODE_SAMPLE(value)))
    return samples


def sample_key(segmentation: str, customer_id: str) -> bytes:
    """Key of a customer's sample record: the topic is compacted by it."""
    return f"{segmentation}|{customer_id}".encode()
