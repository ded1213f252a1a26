"""Measures how much of what customers buy next is explained by their segments, on customers not used for the means."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.description.rfm import measure_borders, scores
from streamseg.clustering.encode import Floats
from streamseg.evaluation.measures import Labels

DAYS: Final = 30
FOLDS: Final = 5
AVERAGE_CUSTOMERS: Final = 4
"""The mean of a group is taken as if it had so many more customers, who are like the mean of all. Without them the many
small cells of RFM predict worse than nothing in a shop of 100 (-20 % of the variance)."""
RFM_FEATURES: Final = ("purchase_recency", "transactions", "lifetime_spend")
SCORES: Final = 6
"""An RFM score is 0 to 5."""


def explained(labels: Labels, bought: Floats, seed: int = 0) -> float:
    """Return the share of the variance that the means of the groups explain, out of sample; the mean over columns.

    Each customer is predicted by the mean of the members of their group in the other folds, drawn towards the mean of
    all (`AVERAGE_CUSTOMERS`). Below 0 when the groups predict worse than one mean for all.

    Args:
        labels: group of each customer, (n,).
        bought: what each customer bought afterwards, (n, m), such as spend and purchases; taken as log1p.
        seed: of the division into folds.
    """
    logged = np.log1p(np.maximum(bought, 0.0))
    fold = np.random.default_rng(seed).permutation(len(labels)) % FOLDS
    error, total = np.zeros(logged.shape[1]), np.zeros(logged.shape[1])
    for held in range(FOLDS):
        test, rest = fold == held, fold != held
        mean = logged[rest].mean(axis=0)
        predicted = np.tile(mean, (int(test.sum()), 1))
        for label in np.unique(labels[rest]):
            members = logged[rest & (labels == label)]
            drawn = members.sum(axis=0) + AVERAGE_CUSTOMERS * mean
            predicted[labels[test] == label] = drawn / (len(members) + AVERAGE_CUSTOMERS)
        error += ((logged[test] - predicted) ** 2).sum(axis=0)
        total += ((logged[test] - mean) ** 2).sum(axis=0)
    varied = total > 0
    return float((1.0 - error[varied] / total[varied]).mean()) if varied.any() else 0.0


def rfm_cells(vectors: Floats) -> Labels:
    """Return the cell of each customer (n,) in the grid of recency and frequency quintiles; 0 for never-buyers.

    All are in one cell where too few have bought to have quintiles. `vectors` (n, 3) are raw values of `RFM_FEATURES`.
    """
    days, purchases, money = vectors.T
    days = np.where(purchases > 0, days, np.nan)
    borders = measure_borders(days, purchases, money, at=0.0)
    if borders is None:
        return np.zeros(len(vectors), dtype=np.intp)
    found = scores(borders, days, purchases, money)
    cells: NDArray[np.intp] = found[:, 0] * SCORES + found[:, 1]
    return cells
