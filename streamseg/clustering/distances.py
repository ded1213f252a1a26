"""Squared Euclidean distances between rows and centres, the nearest centre of each row, and which rows differ."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.encode import Floats

DECIMALS: Final = 6
"""Rows that are equal to this many decimals of a standard deviation count as alike."""


def squared_distances(rows: Floats, centres: Floats) -> Floats:
    """Return the squared distances (n, k) of rows (n, d) to centres (k, d), never negative."""
    cross = rows @ centres.T
    squared: Floats = np.einsum("ij,ij->i", rows, rows)[:, None] - 2.0 * cross + np.einsum("ij,ij->i", centres, centres)
    np.maximum(squared, 0.0, out=squared)
    return squared


def nearest(rows: Floats, centres: Floats) -> NDArray[np.intp]:
    """Return the index of the nearest centre of each row (n,); the first of equally near ones."""
    found: NDArray[np.intp] = np.argmin(squared_distances(rows, centres), axis=1)
    return found


def different(rows: Floats) -> int:
    """Return the number of different rows (n, d) in scaled space."""
    return len(np.unique(np.round(rows, DECIMALS) + 0.0, axis=0))
