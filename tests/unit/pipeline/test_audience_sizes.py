"""The sizes in which a customer counts: each audience that they are in, and again among those who consent."""

import numpy as np

from streamseg.pipeline import AudiencesLook, sizes_of


def test_the_sizes_of_rows_are_those_of_a_walk_through_all_audiences() -> None:
    rng = np.random.default_rng(3)
    count, ids = 40, tuple(f"a-{n}" for n in range(9))
    purposes = rng.integers(0, 3, len(ids))
    before, after = rng.random((2, count, len(ids))) < 0.3
    agreed_before, agreed = rng.random((2, count, 3)) < 0.5
    some, due = np.zeros(count, dtype=bool), np.full(count, np.inf)
    look = AudiencesLook(
        ids, dict.fromkeys(ids, 1), purposes, before, after, some, due, some, some, agreed_before, agreed
    )
    rows = np.array([0, 3, 17, 39])
    found = sizes_of(look, rows)
    for names, held, said in zip(found, (before, after), (agreed_before, agreed), strict=True):
        for row, counted in zip(rows.tolist(), names, strict=True):
            expected = [f"audience/{ids[a]}" for a in range(len(ids)) if held[row, a]]
            expected += [
                f"audience/{ids[a]}/consented" for a in range(len(ids)) if held[row, a] and said[row, purposes[a]]
            ]
            assert sorted(counted) == sorted(expected)
    assert sum(map(len, found[0])) > len(rows)
