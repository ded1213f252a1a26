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

    assert (advice.by_davies_bouldin, advice.by_elbow) == (groups, groups)
    assert [one.k for one in advice.tried] == list(range(2, 9))
    assert advice.customers == MAX_CUSTOMERS
