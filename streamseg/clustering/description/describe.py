"""Describes the segments of a snapshot: size, value, differences, label, persona, RFM and example members."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from streamseg.clustering.assign import Assigner
from streamseg.clustering.description.difference import FeatureDifference, differences
from streamseg.clustering.description.naming import labels as make_labels
from streamseg.clustering.description.naming import persona
from streamseg.clustering.description.rfm import RfmOfMany, rfm_of_many, scores
from streamseg.clustering.encode import Floats, to_log
from streamseg.clustering.snapshot import Snapshot
from streamseg.features.catalogue import Feature

REPRESENTATIVES: Final = 3
MOST: Final = (0.1, 0.9)
"""The quantiles between which most members lie."""


@dataclass(frozen=True, slots=True)
class SegmentDescription:
    """One segment of a snapshot. Shares are in [0, 1]."""

    segment: str
    """Segment id."""
    label: str
    persona: str
    size: int
    share: float
    """Of all members of all segments."""
    value_share: float | None
    """Of the value of all described customers; None if that is 0."""
    differences: tuple[FeatureDifference, ...]
    """The strongest first."""
    representatives: tuple[str, ...]
    """Pseudonyms of the described customers who are nearest to the centre."""
    rfm: RfmOfMany | None = None
    """None unless the features include recency, frequency and monetary value."""
    usual: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Between which values most described members lie (`MOST`), by feature; empty without described members."""


def pseudonym(customer_id: str) -> str:
    """Return twelve hexadecimal digits that identify a customer where the id must not be shown."""
    return hashlib.blake2b(customer_id.encode(), digest_size=6, person=b"streamseg").hexdigest()


def describe(
    snapshot: Snapshot,
    customer_ids: Sequence[str],
    vectors: Floats,
    values: Floats,
    features: Sequence[Feature],
    *,
    sizes: Mapping[str, int] | None = None,
    labels: Mapping[str, str] | None = None,
) -> list[SegmentDescription]:
    """Describe all segments of a warm snapshot from its customers or a sample of them.

    Args:
        snapshot: the model.
        customer_ids: n customers.
        vectors: their raw feature values (n, d), in the snapshot's order.
        values: the value of each customer (n,), for example undecayed spend.
        features: the d features from the catalogue.
        sizes: members of each segment id; None to count the given customers.
        labels: present label of each segment id. It is kept while it still fits, so that labels do not change daily.
    """
    assigner = Assigner(snapshot)
    assignment = assigner.assign(vectors)
    logged = to_log(vectors, snapshot.skewed)
    members = [assignment.nearest == index for index in range(len(snapshot.segments))]
    counted = [int(mask.sum()) for mask in members]
    members_of = counted if sizes is None else [sizes.get(segment, 0) for segment in snapshot.segments]
    worth = float(np.maximum(values, 0.0).sum())

    differing = [differences(mask, logged, vectors, features) for mask in members]
    known = {feature.name: feature for feature in features}
    scored = scores(snapshot.features, snapshot.quintiles, np.asarray(vectors, dtype=np.float64))
    names = make_labels(snapshot.segments, differing, members_of, labels or {}, known)
    descriptions = []
    for index, segment in enumerate(snapshot.segments):
        mask = members[index]
        rfm = None if scored is None else rfm_of_many(scored[mask])
        share = members_of[index] / max(sum(members_of), 1)
        value_share = float(np.maximum(values[mask], 0.0).sum()) / worth if worth > 0 else None
        nearest = np.flatnonzero(mask)[np.argsort(assignment.distances[mask, index], kind="stable")[:REPRESENTATIVES]]
        descriptions.append(
            SegmentDescription(
                segment=segment,
                label=names[index],
                persona=persona(value_share, differing[index], rfm, known),
                size=members_of[index],
                share=share,
                value_share=value_share,
                differences=differing[index],
                representatives=tuple(pseudonym(customer_ids[i]) for i in nearest.tolist()),
                rfm=rfm,
                usual=_usual(snapshot.features, np.asarray(vectors, dtype=np.float64)[mask]),
            )
        )
    return descriptions


def _usual(features: Sequence[str], vectors: Floats) -> dict[str, tuple[float, float]]:
    """Return the quantiles `MOST` of each feature (d) over vectors (n, d), to four digits."""
    if not len(vectors):
        return {}
    low, high = np.quantile(vectors, MOST, axis=0)
    return {name: (float(f"{low[i]:.4g}"), float(f"{high[i]:.4g}")) for i, name in enumerate(features)}
