"""Segment ids such as `behaviour-k7q2`, and the numbers that stand for them in arrays and rows.

Ids of found segments are random and outlast the model (DESIGN.md, Segments keep their ids); `lineage` decides which
cluster gets which. Ids of declared groups are fixed: `value-outside` are those outside of the population of `value`,
`status-customer` is a segment of a declared segmentation. The number of such a name is a hash of it, so it depends on
nothing that is stored; a process finds the way back for the names that it has met, in settings, sizes or memberships.
"""

import random
import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Final

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: leaves out letters that are easily mistaken for others."""
LETTERS: Final = 4
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
"""The name of a declared group: the ending of its id."""
UNASSIGNED: Final = 0
"""The code of no segment."""
OUTSIDE: Final = len(ALPHABET) ** LETTERS + 1
"""The code of the declared group of those who do not belong to a segmentation. Codes from here on are of declared
groups."""
OUTSIDE_NAME: Final = "outside"
_DECLARED: Final = {OUTSIDE: OUTSIDE_NAME}
"""Endings of the ids of declared groups that this process has met, by code."""
_CODES: Final = 2**32 - OUTSIDE - 1
"""Codes above `OUTSIDE`."""


def code_of(segment: str) -> int:
    """Return the code of a segment id: 1 to 2**20, above that for the name of a declared group, never 0.

    Raises `ValueError` when the text is not a segment id.
    """
    _, dash, letters = segment.rpartition("-")
    if len(letters) != LETTERS or any(letter not in ALPHABET for letter in letters):
        if not dash or not NAME.fullmatch(letters):
            raise ValueError(f"not a segment id: {segment!r}")
        return _declared_code(letters)
    if not dash:
        raise ValueError(f"not a segment id: {segment!r}")
    number = 0
    for letter in letters:
        number = number * len(ALPHABET) + ALPHABET.index(letter)
    return number + 1


@lru_cache(maxsize=65_536)
def _declared_code(name: str) -> int:
    """Return the code of a declared group's name, and remember the name."""
    if name == OUTSIDE_NAME:
        return OUTSIDE
    code = OUTSIDE + 1 + int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little") % _CODES
    if _DECLARED.setdefault(code, name) != name:
        raise ValueError(f"{name} and {_DECLARED[code]} have the same number: choose another name")
    return code


def meet(segments: Iterable[str]) -> None:
    """Remember the names of declared groups among these segment ids, so that `id_of` knows them."""
    for segment in segments:
        code_of(segment)


@lru_cache(maxsize=65_536)
def id_of(segmentation: str, code: int) -> str:
    """Return the segment id of a code. Raises `ValueError` for 0, and for that of a name that was never met."""
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
