"""Names the nearest known name after one that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return `; did you mean NAME?`, or `otherwise` if no known name is near."""
    by_fold = {one.casefold(): one for one in known}
    near = get_close_matches(name.casefold(), sorted(by_fold), 1)
    return f"; did you mean {by_fold[near[0]]}?" if near else otherwise
