"""What a segment is like, in numbers and in words that fit on a marketer's slide."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.assign import Assigner
from streamseg.clustering.encode import Floats, to_log
from streamseg.clustering.rfm import RfmOfMany, rfm_of_many, scores
from streamseg.clustering.snapshot import Snapshot
from streamseg.clustering.wording import Words, words
from streamseg.features.catalogue import Feature

NOTICEABLE: Final = 0.2
CLEAR: Final = 0.5
STRONG: Final = 0.8
"""Cohen's small, medium and large effect ("Statistical Power Analysis", 1988)."""
TOLD: Final = 4
"""How many differences the persona tells of."""
NAMES_TOLD: Final = 2
"""How many RFM names."""
REPRESENTATIVES: Final = 3
WORD_CHOICES: Final = 6
"""How many of the strongest differences a label may be made of."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How the members differ from all other customers in one feature.

    `effect` is the standardised mean difference (Cohen's d, in log space where the feature is skewed); the medians are
    in the feature's unit.
    """

    feature: str
    unit: str
    meaning: str
    effect: float
    median: float
    others_median: float


@dataclass(frozen=True, slots=True)
class SegmentDescription:
    """One segment of a snapshot. Shares are in [0, 1]; `value_share` is None where nobody has any value."""

    segment: str
    label: str
    persona: str
    size: int
    share: float
    value_share: float | None
    differences: tuple[Difference, ...]
    """The strongest first."""
    representatives: tuple[str, ...]
    """Pseudonyms of the described customers that are nearest to the centre."""
    rfm: RfmOfMany | None = None
    """Where the features have recency, frequency and monetary value."""


def pseudonym(customer_id: str) -> str:
    """Twelve hexadecimal digits that stand for a customer where the id must not be shown."""
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
    """Describe all segments of a warm snapshot from customers, who may be a sample of all.

    Args:
        snapshot: the model.
        customer_ids: n customers.
        vectors: their raw feature values (n, d), in the snapshot's order.
        values: what each has been worth (n,), undecayed spend for example.
        features: the d features from the catalogue.
        sizes: members of each segment id where they are known; else the customers given are counted.
        labels: labels that stand already. One is kept as long as it still fits, so that names do not change every day.
    """
    assigner = Assigner(snapshot)
    assignment = assigner.assign(vectors)
    logged = to_log(vectors, snapshot.skewed)
    members = [assignment.nearest == index for index in range(len(snapshot.segments))]
    counted = [int(mask.sum()) for mask in members]
    told = counted if sizes is None else [sizes.get(segment, 0) for segment in snapshot.segments]
    worth = float(np.maximum(values, 0.0).sum())

    differences = [_differences(mask, logged, vectors, features) for mask in members]
    scored = scores(snapshot.features, snapshot.quintiles, np.asarray(vectors, dtype=np.float64))
    names = _labels(snapshot.segments, differences, told, labels or {})
    descriptions = []
    for index, segment in enumerate(snapshot.segments):
        mask = members[index]
        rfm = None if scored is None else rfm_of_many(scored[mask])
        share = told[index] / max(sum(told), 1)
        value_share = float(np.maximum(values[mask], 0.0).sum()) / worth if worth > 0 else None
        nearest = np.flatnonzero(mask)[np.argsort(assignment.distances[mask, index], kind="stable")[:REPRESENTATIVES]]
        descriptions.append(
            SegmentDescription(
                segment=segment,
                label=names[index],
                persona=_persona(value_share, differences[index], rfm),
                size=told[index],
                share=share,
                value_share=value_share,
                differences=differences[index],
                representatives=tuple(pseudonym(customer_ids[i]) for i in nearest.tolist()),
                rfm=rfm,
            )
        )
    return descriptions


def _differences(
    mask: NDArray[np.bool_], logged: Floats, raw: Floats, features: Sequence[Feature]
) -> tuple[Difference, ...]:
    inside, outside = logged[mask], logged[~mask]
    if not len(inside) or not len(outside):
        return ()
    spread = np.sqrt((inside.var(axis=0) * len(inside) + outside.var(axis=0) * len(outside)) / len(logged))
    gap = inside.mean(axis=0) - outside.mean(axis=0)
    # Members that are all alike and unlike the rest have no spread to divide by: take that of all customers.
    spread = np.where(spread > 0, spread, logged.std(axis=0))
    effect = np.divide(gap, spread, out=np.zeros_like(gap), where=spread > 0)
    order = np.argsort(-np.abs(effect), kind="stable")
    medians, others = np.median(raw[mask], axis=0), np.median(raw[~mask], axis=0)
    return tuple(
        Difference(
            features[i].name,
            features[i].unit,
            features[i].meaning,
            float(effect[i]),
            float(medians[i]),
            float(others[i]),
        )
        for i in order.tolist()
    )


def _labels(
    segments: Sequence[str],
    differences: Sequence[tuple[Difference, ...]],
    sizes: Sequence[int],
    standing: Mapping[str, str],
) -> list[str]:
    """One label per segment, all different; the larger segments choose first, after those whose label stands."""
    candidates = [_candidates(each) for each in differences]
    chosen: dict[int, str] = {}
    for index, segment in enumerate(segments):
        label = standing.get(segment)
        if label in candidates[index] and label not in chosen.values():
            chosen[index] = label
    for index in sorted(range(len(segments)), key=lambda i: (-sizes[i], segments[i])):
        if index not in chosen:
            free = (label for label in candidates[index] if label not in chosen.values())
            chosen[index] = next(free, f"Customers {segments[index].rpartition('-')[2]}")
    return [chosen[index] for index in range(len(segments))]


def _candidates(differences: Sequence[Difference]) -> list[str]:
    """Labels of an adjective and a noun from two different families of features, the strongest first."""
    noticed = [d for d in differences if abs(d.effect) >= NOTICEABLE][:WORD_CHOICES]
    if not noticed:
        return ["Middle-of-the-road customers"]
    said: list[tuple[float, Words]] = [(abs(d.effect), words(d.feature, 1 if d.effect > 0 else -1)) for d in noticed]
    pairs = [
        (noun_effect + adjective_effect, f"{adjective.adjective} {noun.noun}")
        for (noun_effect, noun), (adjective_effect, adjective) in product(said, said)
        if noun.noun and noun.family != adjective.family and not _repeats(adjective.adjective, noun.noun)
    ]
    pairs += [(effect / 2, f"{word.adjective} customers") for effect, word in said]
    ranked = sorted(pairs, key=lambda pair: -pair[0])
    return list(dict.fromkeys(label[0].upper() + label[1:] for _, label in ranked))


def _repeats(adjective: str, noun: str) -> bool:
    """Whether both hold the same word, as in "frequent frequent visitors"."""
    stems = [{word[:5] for word in text.replace("-", " ").split()} for text in (adjective, noun)]
    return bool(stems[0] & stems[1])


def _persona(value_share: float | None, differences: Sequence[Difference], rfm: RfmOfMany | None) -> str:
    # Without size and share: these change by the second and stand beside it, the persona with each model.
    sentences = []
    if value_share is not None:
        sentences.append(f"They bring {value_share:.0%} of the value")
    if rfm is not None:
        sentences.append(f"By recency and frequency {_and(list(rfm.names.items())[:NAMES_TOLD])}")
    noticed = [d for d in differences if abs(d.effect) >= NOTICEABLE][:TOLD]
    if not noticed:
        sentences.append("In nothing do they differ much from the others")
    told = []
    for difference in noticed:
        said = words(difference.feature, 1 if difference.effect > 0 else -1)
        size_of_effect = abs(difference.effect)
        how = "by far" if size_of_effect >= STRONG else "clearly" if size_of_effect >= CLEAR else "somewhat"
        told.append(
            f"they {said.clause} ({how}; typically {amount(difference.median, difference.unit)},"
            f" others {amount(difference.others_median, difference.unit)})"
        )
    if told:
        sentence = "; ".join(told)
        sentences.append(sentence[0].upper() + sentence[1:])
    return ". ".join(sentences) + "."


def _and(names: Sequence[tuple[str, float]]) -> str:
    return " and ".join(f"{share:.0%} are {name}" for name, share in names)


def amount(value: float, unit: str) -> str:
    """A value with its unit as people write it: shares in per cent, small numbers with a decimal."""
    if unit in ("share", "0 or 1"):
        return f"{value:.0%}"
    number = f"{value:,.0f}" if abs(value) >= 10 else f"{value:.1f}"  # noqa: PLR2004 - two digits are enough
    return number if unit in ("as sent", "log") else f"{number} {unit}"
