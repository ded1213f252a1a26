"""Gives each segment a label: words that set it apart and that its figures bear out.

A label is kept while it holds, so that it does not change with every model: a new word must clear its bounds by a
margin, one that is said already may stay until it is no longer true. Where all labels that hold are taken, a
comparative tells the segment from those that are called the same, and only where nothing does, a number.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, count
from typing import Any, Final, TypeAlias

from streamseg.clustering.description.bounds import MARGIN, Word
from streamseg.clustering.description.difference import NOTICEABLE, Figures
from streamseg.clustering.description.same_name import comparatives, telling_apart
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
apart. `beside`, a comparative, tells it from a segment with the same words, or else `number`."""

Beside: TypeAlias = Callable[[int, Sequence[int]], Figures]
"""Returns the figures of a segment against the members of others, all by their place."""


def labels(
    segments: Sequence[str],
    figures: Sequence[Figures],
    sizes: Sequence[int],
    current: Mapping[str, Label],
    known: Mapping[str, Feature],
    *,
    beside: Beside = lambda *_: {},
) -> list[Label]:
    """Return one label per segment, all different.

    Args:
        segments: segment ids.
        figures: of each segment.
        sizes: members of each segment. Segments whose current label still holds keep it; then larger ones choose first.
        current: present label by segment id.
        known: features by name.
        beside: compares segments that are called the same.
    """
    spoken, compared = vocabulary(known), comparatives(known)
    word_of = {str(word.as_json()): word for word in spoken}
    chosen: dict[int, Label] = {}

    def is_free(label: Label) -> bool:
        return _said(label) not in map(_said, chosen.values())

    def beside_the_same(index: int, label: Label) -> Figures:
        same = [other for other, one in chosen.items() if _words(one) == _words(label)]
        return beside(index, same) if same else {}

    def told_apart(label: Label, figures: Figures, least: float) -> Sequence[dict[str, str]]:
        return telling_apart(figures, compared, {word_of[word].family for word in _words(label)}, least)

    kept = [
        index
        for index, segment in enumerate(segments)
        if segment in current and _still_holds(current[segment], figures[index], spoken)
    ]
    for index in sorted(kept, key=lambda i: {*current[segments[i]]} != {"words"}):  # who is told from others, later
        label = current[segments[index]]
        telling = told_apart(label, beside_the_same(index, label), STAYS * NOTICEABLE)
        still = label["beside"] in telling if "beside" in label else "number" not in label or not telling
        if still and is_free(label):
            chosen[index] = label
    for index in sorted(range(len(segments)), key=lambda i: (-sizes[i], segments[i])):
        if index not in chosen:
            first, *others = candidates(figures[index], spoken)
            same = beside_the_same(index, first)
            other_words = (one for one in others if any(_tells(word_of[word], same) for word in _words(one)))
            name = next((one["words"] for one in chosen.values() if _words(one) == _words(first)), first["words"])
            compare = ({"words": name, "beside": one} for one in told_apart(first, same, NOTICEABLE))
            numbered = ({**first, "number": number} for number in count(2))
            chosen[index] = next(filter(is_free, chain([first], other_words, compare, others, numbered)))
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


def _words(label: Label) -> frozenset[str]:
    return frozenset(map(str, label["words"]))


def _said(label: Label) -> tuple[frozenset[str], str]:
    """Return what two labels must not have in common; the order of words tells nobody apart."""
    return _words(label), str({name: one for name, one in label.items() if name != "words"})


def _tells(word: Word, beside: Figures) -> bool:
    return bool(word.sign) and _sets_apart(word, beside, NOTICEABLE)


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
