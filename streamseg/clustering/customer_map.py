"""A map of the sampled customers in two dimensions that stays the same from day to day.

The two axes are the principal components of the scaled vectors. Their signs and order are arbitrary, and two components
that spread alike turn into each other from one day to the next; so new axes are turned onto those before, by orthogonal
Procrustes (Schoenemann, "A generalized solution of the orthogonal Procrustes problem", Psychometrika 1966).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, Final

import numpy as np

from streamseg.clustering.description.describe import pseudonym
from streamseg.clustering.distances import nearest
from streamseg.clustering.encode import Floats, to_log
from streamseg.clustering.sample import Sample
from streamseg.clustering.snapshot import Snapshot

POINTS: Final = 1_000
"""Customers on a map, chosen by a hash of their id, so that they are the same ones the next time."""


LEAST: Final = 3


@dataclass(frozen=True, slots=True)
class CustomerMap:
    """The map of one segmentation. Lists are in the order of the points, or of the segments."""

    version: int
    """Of the snapshot."""
    at: float
    """Event time, epoch seconds."""
    features: tuple[str, ...]
    axes: tuple[tuple[float, ...], ...]
    """(2, d): the weight of each feature in either axis."""
    spread: tuple[float, ...]
    """Share of all variance that lies along either axis."""
    segments: tuple[str, ...]
    centres: tuple[tuple[float, ...], ...]
    """(k, 2)"""
    customers: tuple[str, ...]
    """Pseudonyms."""
    points: tuple[tuple[float, ...], ...]
    """(n, 2)"""
    nearest: tuple[int, ...]
    """Index of the segment with the nearest centre, in all dimensions."""

    def to_json(self) -> bytes:
        """Return compact JSON."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes | None) -> "CustomerMap | None":
        """Read what `to_json` wrote; None for nothing, or for what another release wrote."""
        try:
            read = json.loads(data or b"null")
            made = {name: _frozen(read[name]) for name in cls.__dataclass_fields__}
        except (ValueError, TypeError, KeyError):
            return None
        return cls(**made)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value


def draw_map(snapshot: Snapshot, samples: Sequence[Sample], before: CustomerMap | None) -> CustomerMap | None:
    """Return the map of a warm model and the customers that may be learned from; None with fewer than three of them.

    Args:
        snapshot: the model.
        samples: the latest sample of each customer.
        before: the last map, whose axes these follow if it is of the same features.
    """
    fit = [one for one in samples if len(one.vector) == len(snapshot.features)]
    if len(fit) < LEAST or not snapshot.warm:
        return None
    scaled = snapshot.scale.apply(to_log([one.vector for one in fit], snapshot.skewed))
    mean = scaled.mean(axis=0)
    _, spread, axes = np.linalg.svd(scaled - mean, full_matrices=False)
    total = float((spread**2).sum()) or 1.0
    first = np.zeros((2, len(snapshot.features)))
    first[: len(axes[:2])] = _upright(axes[:2])  # of a single feature there is one axis
    if before is not None and before.features == snapshot.features:
        first = turned_onto(first, np.array(before.axes))
    chosen = sorted(range(len(fit)), key=lambda place: _rank(fit[place].customer_id))[:POINTS]
    along = ((scaled - mean) @ first.T).var(axis=0) * len(fit) / total
    centres = np.array(snapshot.centres)
    return CustomerMap(
        version=snapshot.version,
        at=float(snapshot.learned_until or 0.0),
        features=snapshot.features,
        axes=_rounded(first, 5),
        spread=tuple(round(float(one), 4) for one in along),
        segments=snapshot.segments,
        centres=_rounded((centres - mean) @ first.T, 3),
        customers=tuple(pseudonym(fit[place].customer_id) for place in chosen),
        points=_rounded((scaled[chosen] - mean) @ first.T, 3),
        nearest=tuple(nearest(scaled[chosen], centres).tolist()),
    )


def turned_onto(axes: Floats, before: Floats) -> Floats:
    """Return the axes (2, d), turned or mirrored in their plane so that they lie nearest to those before (2, d)."""
    left, _, right = np.linalg.svd(before @ axes.T)
    turned: Floats = (left @ right) @ axes
    return turned


def _upright(axes: Floats) -> Floats:
    """Return the axes with the sign by which the greatest weight of each is positive."""
    greatest = np.abs(axes).argmax(axis=1)
    upright: Floats = axes * np.where(axes[np.arange(len(axes)), greatest] < 0, -1.0, 1.0)[:, None]
    return upright


def _rank(customer_id: str) -> bytes:
    return blake2b(customer_id.encode(), digest_size=8, person=b"map").digest()


def _rounded(values: Floats, places: int) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, np.round(values, places).tolist()))
