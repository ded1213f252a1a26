"""Gives each segment a label: words that set it apart and that its figures bear out.

A label is kept while it holds, so that it does not change with every model: a new word must clear its bounds by a
margin, one that is said already may stay until it is no longer true.
"""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Final, TypeAlias

from streamseg.clustering.description.bounds import MARGIN, Word
from streamseg.clustering.description.difference import NOTICEABLE, Figures
from streamseg.clustering.description.words import EXCLUDED, vocabulary
from streamseg.features.catalogue import Feature
from streamseg.features.words.attributes import slug

STAYS: Final = 0.5
"""A word that is said already may have this share of a noticeable effect."""
LABEL_WORDS: Final = 6
"""A label is made from this many of the strongest words."""

OF_ATTRIBUTES: Final = ("mostly", "high", "low")
"""Words that say what a segment is like in an attribute."""

Label: TypeAlias = dict[str, Any]
"""`words`: the noun first, then one more, or two where another segment is called so already; none where nothing sets it
apart. `number` tells equal ones apart."""


def labels(
    segments: Sequence[str],
    figures: Sequence[Figures],
    sizes: Sequence[int],
    current: Mapping[str, Label],
    known: Mapping[str, Feature],
) -> list[Label]:
    """Return one label per segment, all different.

    Args:
        segments: segment ids.
        figures: of each segment.
        sizes: members of each segment. Segments whose current label still holds keep it; then larger ones choose first.
        current: present label by segment id.
        known: features by name.
    """
    spoken = vocabulary(known)
    chosen: dict[int, Label] = {}
    for index, segment in enumerate(segments):
        label = current.get(segment)
        if label is not None and label not in chosen.values() and _still_holds(label, figures[index], spoken):
            chosen[index] = label
    for index in sorted(range(len(segments)), key=lambda i: (-sizes[i], segments[i])):
        if index not in chosen:
            found = candidates(figures[index], spoken)
            numbered = ({**found[0], "number": number} for number in count(2))
            chosen[index] = next(label for each in (found, numbered) for label in each if label not in chosen.values())
    return [chosen[index] for index in range(len(segments))]


def candidates(figures: Figures, spoken: Sequence[Word]) -> list[Label]:
    """Return possible labels, the strongest first: a noun and another word, one word, or a noun and two words.

    Where nothing sets the segment apart it is a word that needs not to, or none.
    """
    said = sorted(
        (
            word
            for word in spoken
            if word.sign and _sets_apart(word, figures, NOTICEABLE) and word.holds(figures, MARGIN)
        ),
        key=lambda word: -word.weight * abs(figures[word.feature].effect),
    )[:LABEL_WORDS]
    strength = {word: word.weight * abs(figures[word.feature].effect) for word in said}
    pairs = [
        (strength[first] + strength[other], first, other)
        for first in said
        for other in said
        if _go_together(first, other) and (first.noun or not other.noun)
    ]
    alone = [(strength[word] / 2, word) for word in said]
    # Of two nouns the stronger one leads.
    ranked = sorted(pairs, key=lambda pair: (-pair[0], -strength[pair[1]]))
    found = [_label(first, other) for _, first, other in ranked] + [
        _label(word) for _, word in sorted(alone, key=lambda one: (not one[1].noun, -one[0]))
    ]
    longer = [
        _label(first, other, third)
        for _, first, other in ranked
        for third in said
        if _go_together(first, third) and _go_together(other, third)
    ]
    plain = [word for word in spoken if not word.sign and word.holds(figures, MARGIN)]
    longer += [_label(first, word) for first in said for word in plain if first.noun and _go_together(first, word)]
    return [*found, *longer] or [*(_label(word) for word in plain[:1]), _label()]


def traits(figures: Figures, known: Mapping[str, Feature]) -> list[str]:
    """Return the keys of all words that hold, also of those that do not set the segment apart. Actions go by them.

    Words about an attribute that set it apart are there a second time, with the attribute: `mostly_country`.
    """
    held = [word for word in vocabulary(known) if word.holds(figures)]
    of_attributes = (
        f"{word.key}_{slug(word.of or word.text)}"
        for word in held
        if word.key in OF_ATTRIBUTES and _sets_apart(word, figures, NOTICEABLE)
    )
    return list(dict.fromkeys([*(word.key for word in held), *of_attributes]))


def _go_together(one: Word, other: Word) -> bool:
    return one.family != other.family and frozenset((one.key, other.key)) not in EXCLUDED


def _label(*words: Word) -> Label:
    return {"words": [word.as_json() for word in words]}


def _sets_apart(word: Word, figures: Figures, least: float) -> bool:
    one = figures.get(word.feature)
    return one is not None and (one.effect * word.sign >= least or not word.sign)


def _still_holds(label: Label, figures: Figures, spoken: Sequence[Word]) -> bool:
    words = [word for said in label["words"] for word in spoken if word.as_json() == said]
    if len(words) < len(label["words"]):
        return False
    if not any(word.sign for word in words):
        return bool(candidates(figures, spoken)[0]["words"] == label["words"])
    return all(word.holds(figures) and _sets_apart(word, figures, STAYS * NOTICEABLE) for word in words)
