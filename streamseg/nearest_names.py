"""Finds the known name that somebody may have meant who wrote an unknown one."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

ALIKE: Final = 0.6
"""How alike two names must be, 0-1."""


def nearest(name: str, known: Iterable[str], alike: float = ALIKE) -> str | None:
    """Return the known name nearest to one, whatever their case; None if none is near."""
    by_fold = {one.casefold(): one for one in known}
    near = get_close_matches(name.casefold(), sorted(by_fold), 1, alike)
    return by_fold[near[0]] if near else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str, alike: float = ALIKE) -> str:
    """Return `; did you mean NAME?`, or `otherwise` if no known name is near.

    >>> did_you_mean("purchse", ["visit", "purchase"], "")
    '; did you mean purchase?'
    """
    found = nearest(name, known, alike)
    return otherwise if found is None else f"; did you mean {found}?"
