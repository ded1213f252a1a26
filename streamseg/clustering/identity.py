"""Segment ids such as `behaviour-k7q2`, and the numbers that stand for them in arrays and rows.

Ids of found segments are random and outlast the model (DESIGN.md, Segments keep their ids); `lineage` decides which
cluster gets which. Ids of declared groups are fixed: `value-outside` are those outside of the population of `value`.
"""

import random
from collections.abc import Collection
from functools import lru_cache
from typing import Final

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: leaves out letters that are easily mistaken for others."""
LETTERS: Final = 4
UNASSIGNED: Final = 0
"""The code of no segment."""
OUTSIDE: Final = len(ALPHABET) ** LETTERS + 1
"""The code of the declared group of those who do not belong to a segmentation. Codes from here on are of declared
groups."""
_DECLARED: Final = {OUTSIDE: "outside"}
"""Endings of the ids of declared groups, by code. None has `LETTERS` letters of `ALPHABET`, as all random ones have."""


def code_of(segment: str) -> int:
    """Return the code of a segment id: 1 to 2**20, above that for a declared group, never 0.

    Raises `ValueError` when the text is not a segment id.
    """
    _, dash, letters = segment.rpartition("-")
    for code, name in _DECLARED.items():
        if dash and letters == name:
            return code
    if not dash or len(letters) != LETTERS or any(letter not in ALPHABET for letter in letters):
        raise ValueError(f"not a segment id: {segment!r}")
    number = 0
    for letter in letters:
        number = number * len(ALPHABET) + ALPHABET.index(letter)
    return number + 1


@lru_cache(maxsize=65_536)
def id_of(segmentation: str, code: int) -> str:
    """Return the segment id of a code. Raises `ValueError` for 0 and for codes above 2**20 that no group has."""
    if code in _DECLARED:
        return f"{segmentation}-{_DECLARED[code]}"
    number = int(code) - 1
    if not 0 <= number < len(ALPHABET) ** LETTERS:
        raise ValueError(f"not a segment code: {code}")
    letters = ""
    for _ in range(LETTERS):
        number, letter = divmod(number, len(ALPHABET))
        letters = ALPHABET[letter] + letters
    return f"{segmentation}-{letters}"


def segmentation_of(segment: str) -> str:
    """Return the segmentation that a segment id belongs to."""
    return segment.rpartition("-")[0]


def new_id(segmentation: str, taken: Collection[str], draw: random.Random) -> str:
    """Draw a random id that is not in `taken`, which should hold every id ever used."""
    while True:
        made = id_of(segmentation, draw.randrange(len(ALPHABET) ** LETTERS) + 1)
        if made not in taken:
            return made
