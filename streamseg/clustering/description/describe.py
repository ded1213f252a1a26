"""Describes the segments of a snapshot: size, value, differences, label, persona, RFM and example members."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.assign import Assigner, Assignment
from streamseg.clustering.description.apart import apart, is_spoken
from streamseg.clustering.description.difference import LEAST_DESCRIBED, FeatureDifference, Observations
from streamseg.clustering.description.message import Message
from streamseg.clustering.description.naming import Label, labels, traits
from streamseg.clustering.description.persona import persona
from streamseg.clustering.description.real_figures import with_real_figures
from streamseg.clustering.description.rfm import RfmBorders, RfmOfMany, rfm_of_many, scores
from streamseg.clustering.encode import Floats
from streamseg.clustering.snapshot import Snapshot
from streamseg.features.catalogue import Feature

REPRESENTATIVES: Final = 3
MOST: Final = (0.1, 0.9)
"""The quantiles between which most members lie."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """The customers that segments are described by, n of them."""

    customer_ids: Sequence[str]
    vectors: Floats
    """Raw feature values (n, d), in the snapshot's order."""
    values: Floats
    """What each customer is worth (n,), for example all money ever spent."""
    observations: Floats
    """What was observed in all features of the catalogue (n, f), NaN without data."""


@dataclass(frozen=True, slots=True)
class SegmentDescription:
    """One segment of a snapshot, described by the sampled customers that are in it."""

    segment: str
    """Segment id."""
    described: int
    """Sampled members. With fewer than `LEAST_DESCRIBED` the segment is not described: all that follows is empty."""
    mean_value: float | None
    label: Label
    persona: list[Message]
    apart: list[Message]
    """What sets it apart from all others."""
    nearest: str | None
    """The nearest other segment that is described."""
    apart_from_nearest: list[Message]
    traits: list[str]
    """Keys of all words that hold."""
    differences: tuple[FeatureDifference, ...]
    """The strongest first."""
    representatives: tuple[str, ...]
    """Pseudonyms of the described customers who are nearest to the centre."""
    rfm: RfmOfMany | None = None
    """None before the shop has borders of RFM scores."""
    usual: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Between which values most described members lie (`MOST`), by feature of the segmentation."""


def pseudonym(customer_id: str) -> str:
    """Return twelve hexadecimal digits that identify a customer where the id must not be shown."""
    return hashlib.blake2b(customer_id.encode(), digest_size=6, person=b"streamseg").hexdigest()


def describe(
    snapshot: Snapshot,
    sampled: Sampled,
    known: Mapping[str, Feature],
    *,
    currency: str,
    borders: RfmBorders | None = None,
    sizes: Mapping[str, int] | None = None,
    current: Mapping[str, Label] | None = None,
) -> list[SegmentDescription]:
    """Describe all segments of a warm snapshot from a sample of customers.

    Args:
        snapshot: the model.
        sampled: the customers.
        known: all features of the catalogue by name, in the order of the observations.
        currency: of all amounts.
        borders: of the shop's RFM scores.
        sizes: members of each segment, which decide who chooses a label first; None to count the sampled ones.
        current: present label of each segment. It is kept while it holds.
    """
    assignment = Assigner(snapshot).assign(sampled.vectors)
    known, values = with_real_figures(known, sampled.observations)
    observations = Observations(tuple(known.values()), values)
    members = [assignment.nearest == index for index in range(len(snapshot.segments))]
    enough = [int(mask.sum()) >= LEAST_DESCRIBED for mask in members]
    figures = [observations.figures(mask) if each else {} for mask, each in zip(members, enough, strict=True)]
    of = (
        {name: int(mask.sum()) for name, mask in zip(snapshot.segments, members, strict=True)}
        if sizes is None
        else sizes
    )
    names = labels(
        snapshot.segments,
        figures,
        [of.get(segment, 0) for segment in snapshot.segments],
        current or {},
        known,
        beside=lambda one, others: observations.figures(
            members[one], np.logical_or.reduce([members[i] for i in others])
        ),
    )
    centres = np.array(snapshot.centres)
    descriptions = []
    for index, segment in enumerate(snapshot.segments):
        mask = members[index]
        if not enough[index]:
            kept = (current or {}).get(segment, {"words": []})
            descriptions.append(_not_described(segment, int(mask.sum()), kept))
            continue
        rfm = None if borders is None else _rfm(borders, observations, mask)
        nearest = _nearest(centres, index, enough)
        beside = {} if nearest is None else observations.figures(mask, members[nearest])
        descriptions.append(
            SegmentDescription(
                segment=segment,
                described=int(mask.sum()),
                mean_value=float(np.maximum(sampled.values[mask], 0.0).mean()),
                label=names[index],
                persona=persona(figures[index], known, currency, rfm),
                apart=apart(figures[index], known),
                nearest=None if nearest is None else snapshot.segments[nearest],
                apart_from_nearest=apart(beside, known),
                traits=traits(figures[index], known),
                differences=tuple(one for one in figures[index].values() if is_spoken(one.feature)),
                representatives=_representatives(sampled, assignment, mask, index),
                rfm=rfm,
                usual=_usual(snapshot.features, observations, mask),
            )
        )
    return descriptions


def as_json(one: SegmentDescription) -> dict[str, Any]:
    """Return what language is made of, as it is stored in a catalogue entry."""
    return {
        "label_words": one.label,
        "persona": one.persona,
        "apart": one.apart,
        "nearest": one.nearest,
        "apart_from_nearest": one.apart_from_nearest,
        "traits": one.traits,
    }


def _not_described(segment: str, described: int, label: Label) -> SegmentDescription:
    return SegmentDescription(segment, described, None, label, [], [], None, [], [], (), ())


def _rfm(borders: RfmBorders, observations: Observations, mask: NDArray[np.bool_]) -> RfmOfMany | None:
    days, purchases, money = (
        observations.column(name)[mask] for name in ("purchase_recency", "transactions", "lifetime_spend")
    )
    return rfm_of_many(scores(borders, days, np.nan_to_num(purchases), np.nan_to_num(money)))


def _nearest(centres: Floats, index: int, described: Sequence[bool]) -> int | None:
    distances = np.linalg.norm(centres - centres[index], axis=1)
    distances[[i == index or not each for i, each in enumerate(described)]] = np.inf
    nearest = int(np.argmin(distances))
    return nearest if np.isfinite(distances[nearest]) else None


def _representatives(sampled: Sampled, assignment: Assignment, mask: NDArray[np.bool_], index: int) -> tuple[str, ...]:
    order = np.argsort(assignment.distances[mask, index], kind="stable")[:REPRESENTATIVES]
    return tuple(pseudonym(sampled.customer_ids[i]) for i in np.flatnonzero(mask)[order].tolist())


def _usual(
    features: Sequence[str], observations: Observations, mask: NDArray[np.bool_]
) -> dict[str, tuple[float, float]]:
    """Return the quantiles `MOST` of each feature over what was observed of the members, to four digits."""
    found = {}
    for name in features:
        column = observations.column(name)[mask]
        known = column[~np.isnan(column)]
        if len(known):
            low, high = np.quantile(known, MOST)
            found[name] = (float(f"{low:.4g}"), float(f"{high:.4g}"))
    return found
