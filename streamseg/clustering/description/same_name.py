"""Tells apart segments that would carry the same name, by what they differ in most beside each other.

Other words compare members with all other customers. These compare them with the customers who are called the same, so
they are comparatives: "spending more". They are said where such a difference is said in the text about a segment, too.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from streamseg.clustering.description.apart import part_of, visible_pair
from streamseg.clustering.description.bounds import MOST, Word
from streamseg.clustering.description.difference import Figures
from streamseg.clustering.description.words import vocabulary
from streamseg.features.catalogue import Feature

_OF_NAMES = {"category": "more_category", "mostly": "more_often", "high": "higher", "low": "lower"}
"""Comparatives of words about the shop's own names."""


def comparatives(known: Mapping[str, Feature]) -> Sequence[Word]:
    """Return what can be compared: more and less of each feature that words are about, and more of parts of a whole."""
    found: dict[tuple[str, int], Word] = {}
    for word in vocabulary(known):
        for sign in (1, -1):
            if sign == word.sign or (word.key not in _OF_NAMES and not part_of(known[word.feature])):
                key = _OF_NAMES.get(word.key) or f"{'more' if sign > 0 else 'less'}_{word.feature}"
                found.setdefault((word.feature, sign), replace(word, key=key, sign=sign, bounds=(), noun=False))
    return tuple(found.values())


def telling_apart(
    beside: Figures, compared: Sequence[Word], families: Collection[str], least: float
) -> Sequence[dict[str, str]]:
    """Return what is stored of the comparatives that hold, the strongest first.

    Args:
        beside: figures of the members against those who are called the same.
        compared: as `comparatives` returns them.
        families: of the words that are said already: those of one family say the same thing.
        least: least effect.
    """
    held = [word for word in compared if word.family not in families and _holds(word, beside, least)]
    held.sort(key=lambda word: -word.weight * abs(beside[word.feature].effect))
    return [word.as_json() for word in held]


def _holds(word: Word, beside: Figures, least: float) -> bool:
    one = beside.get(word.feature)
    return one is not None and one.known >= MOST and one.effect * word.sign >= least and visible_pair(one) is not None
