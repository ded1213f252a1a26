"""Keeps short texts of profiles in rows: a city, a region, the first letters of a postcode.

A text becomes one or two numbers of nine letters each, which are exact in a float64 and sort as the text does. So the
latest text wins like any other attribute, its letters can be read back for descriptions, and an erasure takes it away.
"""

import unicodedata
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789 -'.&/åäöæøéèüñçłđþðı"
"""Letters that are kept, in lower case. Others lose their accents, or are left out."""
_BASE: Final = len(ALPHABET) + 1
PART: Final = 9
"""Letters in one number: the greatest power of the base that a float64 holds exactly."""
LETTERS: Final = 2 * PART
"""Letters that are kept of a text."""
_SPREAD: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
_HIGH_BITS: Final = np.uint64(33)


def parts_of(first: int) -> int:
    """Return how many numbers a text of so many letters takes."""
    return 1 if first <= PART else 2


def codes(text: str, first: int = LETTERS) -> tuple[float, ...] | None:
    """Return the numbers of a text's first letters; None if it has no letter that is kept.

    >>> text_of(codes("  Den  HAAG "))
    'den haag'
    >>> text_of(codes("1012 AB", first=2))
    '10'
    """
    kept = _kept(text)[:first].strip()
    if not kept:
        return None
    padded = kept.ljust(PART * parts_of(first), "\0")
    return tuple(_number(padded[start : start + PART]) for start in range(0, len(padded), PART))


def text_of(numbers: Sequence[float]) -> str | None:
    """Return the text of its numbers; None where it is missing."""
    if any(np.isnan(number) for number in numbers):
        return None
    letters = ""
    for number in numbers:
        left, part = int(number), ""
        for _ in range(PART):
            left, digit = divmod(left, _BASE)
            part = (ALPHABET[digit - 1] if digit else "") + part
        letters += part
    return letters


def group(numbers: Floats, groups: int) -> Floats:
    """Return the hash group (0 to groups - 1) of each text, (n, parts), shape (n,); NaN where it is missing."""
    hashed = np.zeros(len(numbers), dtype=np.uint64)
    for column, spread in zip(numbers.T, _SPREAD, strict=False):
        hashed ^= np.nan_to_num(column).astype(np.uint64) * spread
    found: Floats = ((hashed >> _HIGH_BITS) % np.uint64(groups)).astype(np.float64)
    return np.where(np.isnan(numbers).any(axis=1), np.nan, found)


def begins(numbers: Floats, beginning: str) -> NDArray[np.bool_]:
    """Return the mask of texts, (n, parts), that begin with these letters (at most `PART` count), shape (n,)."""
    letters = _kept(beginning)[:PART]
    least = _number(letters.ljust(PART, "\0"))
    first = numbers[:, 0]
    mask: NDArray[np.bool_] = (first >= least) & (first < least + float(_BASE ** (PART - len(letters))))
    return mask


def shown(text: str) -> str:
    """Return a text as people write names: "Den Haag", "10", "SW"."""
    return text.upper() if len(text) <= 3 else text.title()  # noqa: PLR2004 - codes, not names


def _kept(text: str) -> str:
    return " ".join("".join(_letter(one) for one in text.casefold()).split())


def _letter(one: str) -> str:
    if one in ALPHABET:
        return one
    plain = unicodedata.normalize("NFKD", one)[:1]
    return plain if plain in ALPHABET else " " if one.isspace() else ""


def _number(letters: str) -> float:
    number = 0
    for one in letters:
        number = number * _BASE + (ALPHABET.index(one) + 1 if one != "\0" else 0)
    return float(number)
