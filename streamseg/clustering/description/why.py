"""Explains why a customer is in one segment and not in another, feature by feature."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from streamseg.clustering.assign import Assigner
from streamseg.clustering.encode import Floats

DECIMALS: Final = 9
"""Centres are rounded to this many decimals."""


@dataclass(frozen=True, slots=True)
class Pull:
    """One feature's contribution to the decision between two segments. Values are in the feature's unit."""

    feature: str
    pull: float
    """(z - other)^2 - (z - own)^2 in scaled space: positive towards the own segment, negative towards the other. The
    pulls of all features add up to the difference of the squared distances."""
    value: float
    """The customer's; where it is missing, the mean that stands for it."""
    own_centre: float
    other_centre: float


def why(assigner: Assigner, vector: ArrayLike, segment: str, other: str | None = None) -> list[Pull]:
    """Return the pull of every feature towards a segment, the strongest first, the most negative last.

    Args:
        assigner: of the snapshot that decided.
        vector: the customer's raw feature values (d,).
        segment: id of the segment to explain.
        other: id of the segment to compare with; None for the nearest other one.

    Raises:
        ValueError: a segment is not in the snapshot, or there is no other segment.
    """
    snapshot = assigner.snapshot
    ids = list(snapshot.segments)
    for asked in (segment, other):
        if asked is not None and asked not in ids:
            raise ValueError(f"segment {asked} is not in snapshot {snapshot.version} of {snapshot.segmentation}")
    raw = np.array(vector, dtype=np.float64, ndmin=2)
    own = ids.index(segment)
    if other is None:
        distances = assigner.assign(raw).distances[0].copy()
        distances[own] = np.inf
        if not np.isfinite(distances).any():
            raise ValueError(f"segment {segment} is the only segment of {snapshot.segmentation}")
        against = int(np.argmin(distances))
    else:
        against = ids.index(other)
    scaled = assigner.scaled(raw)[0]
    centres = np.array(snapshot.centres)
    pulls = (scaled - centres[against]) ** 2 - (scaled - centres[own]) ** 2
    typical, own_values = _raw(assigner, centres), _raw(assigner, scaled[None])[0]
    return [
        Pull(
            feature=snapshot.features[i],
            pull=float(pulls[i]),
            value=float(own_values[i] if np.isnan(raw[0, i]) else raw[0, i]),
            own_centre=float(typical[own, i]),
            other_centre=float(typical[against, i]),
        )
        for i in np.argsort(-pulls, kind="stable").tolist()
    ]


def _raw(assigner: Assigner, centres: Floats) -> Floats:
    """Return scaled points (k, d) in the units of the features."""
    values = assigner.snapshot.scale.undo(centres)
    mask = np.array(assigner.snapshot.skewed)
    values[:, mask] = np.expm1(values[:, mask])
    rounded: Floats = np.round(values, DECIMALS) + 0.0  # show 0, not -2e-17 or -0
    return rounded
