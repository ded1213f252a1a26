"""Tells in which features enough customers differ for it to decide segments.

Models compare vectors that are drawn towards priors, so a share of which nothing was observed still varies, by how much
a customer buys: where nobody uses coupons, the share of orders with one is lower after ten orders than after one. And
what a handful of customers did makes the whole variance of a feature. So what counts is what was observed.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.encode import Floats
from streamseg.clustering.params import LEAST_CLUSTER
from streamseg.clustering.sample import Sample

LEAST_DIFFERING: Final = 0.01
"""Share of the customers that must differ from the median in a feature, and `LeastCluster.members` of them at least:
what fewer did could only make a segment that has too few members."""
SAME: Final = 1e-3
"""Difference from the median, as a share of it, up to which values are the same."""


def decides(samples: Sequence[Sample], places: Sequence[int]) -> NDArray[np.bool_]:
    """Return for each feature (d,) whether enough of the sampled customers differ in what was observed of them.

    Args:
        samples: at least one. Those that tell nothing of what was observed are ignored; without any other, every
            feature counts.
        places: of the features in `Sample.observed`; empty if that is not known.
    """
    told = [sample.observed for sample in samples if sample.observed]
    if not told or not places:
        return np.ones(len(samples[0].vector), dtype=bool)
    return enough_differ(np.array(told, dtype=np.float64)[:, list(places)])


def enough_differ(seen: Floats) -> NDArray[np.bool_]:
    """Return for each feature (d,) whether enough customers differ in what was observed of them, (n, d)."""
    known = ~np.isnan(seen)
    middle = np.array(
        [np.median(column[one]) if one.any() else 0.0 for column, one in zip(seen.T, known.T, strict=True)]
    )
    count = (known & (np.abs(seen - middle) > SAME * np.abs(middle))).sum(axis=0)
    enough: NDArray[np.bool_] = count >= max(LEAST_DIFFERING * len(seen), LEAST_CLUSTER.members)
    return enough
