"""Segment ids such as `behaviour-k7q2`, and the numbers that stand for them in arrays and rows.

Ids are random and outlast the model (DESIGN.md, Segments keep their ids); `lineage` decides which cluster gets which.
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


def code_of(segment: str) -> int:
    """Return the code of a segment id: 1 to 2**20, never 0.

    Raises `ValueError` when the text is not a segment id.
    """
    _, dash, letters = segment.rpartition("-")
    if not dash or len(letters) != LETTERS or any(letter not in ALPHABET for letter in letters):
        raise ValueError(f"not a segment id: {segment!r}")
    number = 0
    for letter in letters:
        number = number * len(ALPHABET) + ALPHABET.index(letter)
    return number + 1


@lru_cache(maxsize=65_536)
def id_of(segmentation: str, code: int) -> str:
    """Return the segment id of a code. Raises `ValueError` for 0 and for codes above 2**20."""
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
