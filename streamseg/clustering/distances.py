"""Squared Euclidean distances between rows and centres, and the nearest centre of each row."""

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.encode import Floats


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
