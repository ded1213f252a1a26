"""Recommending k: both rules count clear groups correctly."""

import numpy as np
import pytest

from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Layout
from streamseg.service.k_selection import MAX_CUSTOMERS, advise


@pytest.mark.parametrize("groups", [3, 5])
def test_both_rules_count_clear_groups_correctly(groups: int) -> None:
    rng = np.random.default_rng(groups)
    known = catalogue(Layout.of())
    angle = np.arange(groups) * 2 * np.pi / groups
    centres = np.column_stack([0.5 + 0.4 * np.cos(angle), 0.5 + 0.4 * np.sin(angle)])
    vectors = centres[rng.integers(groups, size=MAX_CUSTOMERS + 500)] + rng.normal(0, 0.02, (MAX_CUSTOMERS + 500, 2))

    advice = advise(vectors, [known["weekend_share"], known["discount_share"]], at_most=8)

    assert advice is not None
    assert (advice.by_davies_bouldin, advice.by_elbow) == (groups, groups)
    assert [one.k for one in advice.tried] == list(range(2, 9))
    assert advice.customers == MAX_CUSTOMERS


def test_no_more_segments_are_tried_than_customers_differ() -> None:
    known = catalogue(Layout.of())
    features = [known["weekend_share"], known["discount_share"]]
    vectors = np.repeat([[0.1, 0.1], [0.2, 0.9], [0.9, 0.5], [0.8, 0.1]], 5, axis=0)
    advice = advise(vectors, features, at_most=8)
    assert advice is not None
    assert [one.k for one in advice.tried] == [2, 3]
    assert advise(vectors[:10], features, at_most=8) is None


def test_a_feature_that_counts_in_no_model_counts_in_no_advice() -> None:
    rng = np.random.default_rng(3)
    known = catalogue(Layout.of())
    features = [known["weekend_share"], known["discount_share"]]
    vectors = np.column_stack([np.repeat([0.1, 0.5, 0.9], 20) + rng.normal(0, 0.01, 60), rng.random(60)])
    both, without, alone = (
        advise(rows, known, at_most=6)
        for rows, known in ((vectors, features), (vectors * [1.0, np.nan], features), (vectors[:, :1], features[:1]))
    )
    assert both is not None
    assert without is not None
    assert alone is not None
    inertias = [one.inertia for one in without.tried]
    assert inertias == pytest.approx([one.inertia for one in alone.tried])
    assert inertias[1] < 0.01 * both.tried[1].inertia
