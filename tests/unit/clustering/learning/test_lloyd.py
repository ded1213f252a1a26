"""Our weighted k-means gives what scikit-learn's gives (DESIGN.md, Judging the segments)."""

import numpy as np
import pytest
from sklearn.cluster import KMeans

from streamseg.clustering.learning.lloyd import lloyd


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_rounds_from_given_centres_end_where_scikit_learn_ends(seed: int, *, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(6, 8)) * (0.3, 1.0, 2.0)[seed % 3]
    rows = centres[rng.integers(0, 6, 500)] + rng.normal(size=(500, 8))
    start = rows[rng.choice(500, 6, replace=False)]
    weights = rng.uniform(0.2, 3.0, 500) if weighted else None
    ours = lloyd(rows, start, weights)
    theirs = KMeans(n_clusters=6, init=start, n_init=1, tol=0.0).fit(rows, sample_weight=weights)
    assert np.array_equal(ours.nearest, theirs.labels_)
    assert ours.centres == pytest.approx(theirs.cluster_centers_, abs=1e-9)
    assert ours.inertia == pytest.approx(theirs.inertia_)
