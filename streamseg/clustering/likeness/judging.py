"""Judges a look-alike on customers that it was not learned from, and says which features carry it."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from streamseg.clustering.encode import Floats
from streamseg.clustering.likeness.models import Band, Carrier, Point

POINTS: Final = 200
"""Points of a curve: most of them where few customers are taken."""
BANDS: Final = 5
CARRIERS: Final = 6


def curve(others: Floats, held_out: Floats, far: tuple[Floats, Floats], all_others: Floats) -> list[Point]:
    """Return likeness and recall by the share of customers outside of the seed that are taken.

    Args:
        others: likenesses of held-out customers outside of the seed (n,).
        held_out: likenesses of its held-out members (m,).
        far: distances of both to the seed's centre, (n,) and (m,).
        all_others: likenesses of all sampled customers outside of the seed: wanted sizes are cut by them.
    """
    falling = np.sort(all_others)[::-1]
    ranks = np.unique(np.geomspace(1, len(falling), POINTS).round().astype(np.intp))
    return [
        Point(
            share := float(rank / len(falling)),
            float(falling[rank - 1]),
            _recall(others, held_out, share),
            _recall(-far[0], -far[1], share),
        )
        for rank in ranks.tolist()
    ]


def _recall(others: Floats, members: Floats, share: float) -> float:
    """Return the share of the members who lie above the value that a share of the others reaches."""
    falling = np.sort(others)[::-1]
    limit = falling[min(max(math.ceil(share * len(falling)), 1), len(falling)) - 1]
    return float(np.mean(members >= limit))


def bands(others: Floats, held_out: Floats) -> list[Band]:
    """Return how many held-out customers of each likeness are of the seed, at even odds; empty bands are left out."""
    edges = np.linspace(0.0, 1.0, BANDS + 1)
    found: list[Band] = []
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        last = high == 1.0
        inside = [(each >= low) & ((each < high) | last) for each in (held_out, others)]
        members, rest = (float(np.mean(one)) for one in inside)
        if members + rest > 0:
            count = sum(int(one.sum()) for one in inside)
            found.append(Band(low, high, count, members / (members + rest)))
    return found


def carriers(
    features: Sequence[str], weights: Floats, groups: tuple[Floats, Floats], raw: tuple[Floats, Floats]
) -> list[Carrier]:
    """Return the features that tell members from others: by their part in the difference of the mean weighted sums.

    Args:
        features: names (d,).
        weights: of the encoded features (2d,).
        groups: encoded features of members (m, 2d) and of others (n, 2d).
        raw: vectors of both, (m, d) and (n, d).
    """
    parts = (weights * (groups[0].mean(axis=0) - groups[1].mean(axis=0))).reshape(2, -1).sum(axis=0)
    parts = np.maximum(parts, 0.0)
    total = float(parts.sum()) or 1.0
    with np.errstate(invalid="ignore"):
        means = [np.nan_to_num(_mean(one)) for one in raw]
    return [
        Carrier(features[index], float(parts[index]) / total, float(means[0][index]), float(means[1][index]))
        for index in np.argsort(-parts, kind="stable")[:CARRIERS].tolist()
        if parts[index] > 0
    ]


def _mean(vectors: Floats) -> Floats:
    """Return the means of the known values (d,); NaN without any."""
    known = ~np.isnan(vectors)
    count = known.sum(axis=0)
    total: Floats = np.where(known, vectors, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
