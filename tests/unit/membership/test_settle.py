"""Settling of one customer, case by case."""

import doctest
from typing import Any

import numpy as np
import pytest

from streamseg.membership import settle as settle_module
from streamseg.membership.settle import Settled, settle

A, B, C = 1, 2, 3


def look(segment: int, nearest: int, ratio: float = 0.5, candidate: int = 0, streak: int = 0, **given: Any) -> Settled:
    """Settle one customer whose nearest centre is at `ratio` times the current distance."""
    current = given.pop("current", 1.0)
    return settle(
        segment=np.array([segment], dtype=np.uint32),
        candidate=np.array([candidate], dtype=np.uint32),
        streak=np.array([streak], dtype=np.uint8),
        nearest=np.array([nearest], dtype=np.uint32),
        nearest_distance=np.array([ratio]),
        current_distance=np.array([current], dtype=np.float64),
        margin=float(given.pop("margin", 0.05)),
        silent=np.array([bool(given.pop("silent", False))]),
        looks=int(given.pop("looks", 2)),
    )


def values(settled: Settled) -> tuple[int, int, int, bool]:
    return tuple(column[0].item() for column in settled)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(look(0, A, current=np.inf), (A, 0, 0, True), id="an unassigned customer moves at once"),
        pytest.param(look(C, A, current=np.inf), (A, 0, 0, True), id="members of a retired segment move at once"),
        pytest.param(look(A, A, 1.0), (A, 0, 0, False), id="the nearest segment is kept"),
        pytest.param(look(A, B), (A, B, 1, False), id="one look is not enough"),
        pytest.param(look(A, B, candidate=B, streak=1), (B, 0, 0, True), id="a second look in a row moves"),
        pytest.param(look(A, C, candidate=B, streak=1), (A, C, 1, False), id="another candidate restarts the streak"),
        pytest.param(look(A, B, 0.96, B, 1), (A, 0, 0, False), id="within the margin the streak ends"),
        pytest.param(look(A, B, 0.94, B, 1), (B, 0, 0, True), id="beyond the margin an event moves"),
        pytest.param(look(A, B, 0.94, B, 1, silent=True), (A, 0, 0, False), id="in silence the margin counts twice"),
        pytest.param(look(A, B, 0.90, B, 1, silent=True), (B, 0, 0, True), id="beyond both silence moves too"),
        pytest.param(look(A, A, 1.0, B, 1), (A, 0, 0, False), id="at the own segment the streak ends"),
        pytest.param(look(A, B, looks=1), (B, 0, 0, True), id="one look is enough if looks is 1"),
        pytest.param(look(A, 0, np.inf, B, 1, current=np.inf), (A, B, 1, False), id="without a model nothing changes"),
        pytest.param(
            look(A, B, 0.999, looks=1, margin=0.0),
            (B, 0, 0, True),
            id="without margin and looks the nearest wins",
        ),
        pytest.param(look(A, B, candidate=B, streak=255, looks=255), (B, 0, 0, True), id="255 looks do not wrap"),
    ],
)
def test_a_look_settles(given: Settled, expected: tuple[int, int, int, bool]) -> None:
    assert values(given) == expected


def test_array_types_are_kept() -> None:
    settled = look(A, B)
    assert [column.dtype.str for column in settled] == ["<u4", "<u4", "|u1", "|b1"]


def test_the_example_in_the_docstring_runs() -> None:
    result = doctest.testmod(settle_module)
    assert result.attempted
    assert not result.failed
