"""Properties of settling."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streamseg.membership.settle import Settled, settle

SEGMENTS = 4
distances = st.lists(
    st.lists(st.floats(0.01, 10.0), min_size=SEGMENTS, max_size=SEGMENTS, unique=True), min_size=1, max_size=12
)


@settings(max_examples=60, deadline=None)
@given(
    looks_at=distances,
    margin=st.floats(0.0, 0.5),
    needed=st.integers(1, 4),
    start=st.integers(0, SEGMENTS),
    silent=st.booleans(),
)
def test_a_customer_moves_after_exactly_the_needed_looks_in_a_row(
    looks_at: list[list[float]], margin: float, needed: int, start: int, silent: bool
) -> None:
    """Compare with a plain implementation of the rule for one customer, look by look."""
    segment = np.array([start], dtype=np.uint32)
    candidate, streak = np.zeros(1, dtype=np.uint32), np.zeros(1, dtype=np.uint8)
    history: list[int] = []
    expected = start
    for row in looks_at:
        nearest = int(np.argmin(row)) + 1
        own = row[expected - 1] if expected else np.inf
        near = nearest != expected and min(row) < (1 - margin) ** (2 if silent else 1) * own
        history = [*history, nearest] if near and (not history or history[-1] == nearest) else [nearest] if near else []
        moves = expected == 0 or len(history) >= needed
        settled = settle(
            segment=segment,
            candidate=candidate,
            streak=streak,
            nearest=np.array([nearest], dtype=np.uint32),
            nearest_distance=np.array([min(row)]),
            current_distance=np.array([own]),
            margin=margin,
            silent=np.array([silent]),
            looks=needed,
        )
        if moves:
            expected, history = nearest, []
        assert settled.changed[0] == moves
        segment, candidate, streak, _ = settled
        assert segment[0] == expected
        assert (candidate[0] == 0) == (streak[0] == 0) == (not history)


def settled_of(columns: dict[str, Any]) -> Settled:
    return settle(**columns, margin=0.05, looks=2)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 40),
)
def test_the_order_of_customers_does_not_matter(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {
        "segment": rng.integers(0, 4, n).astype(np.uint32),
        "candidate": rng.integers(0, 4, n).astype(np.uint32),
        "streak": rng.integers(0, 3, n).astype(np.uint8),
        "nearest": rng.integers(0, 4, n).astype(np.uint32),
        "nearest_distance": rng.uniform(0, 2, n),
        "silent": rng.random(n) < 0.5,
        "current_distance": np.where(rng.random(n) < 0.2, np.inf, rng.uniform(0, 2, n)),
    }
    together = settled_of(columns)
    order = rng.permutation(n)
    shuffled = settled_of({name: column[order] for name, column in columns.items()})
    for name in Settled._fields:
        assert np.array_equal(getattr(together, name)[order], getattr(shuffled, name))
