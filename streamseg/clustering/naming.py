"""A label and a persona for each segment, in words that fit on a marketer's slide."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Final

from streamseg.clustering.difference import NOTICEABLE, STRONG, YES_OR_NO, Difference
from streamseg.clustering.rfm import RfmOfMany
from streamseg.clustering.wording import MOST, Words, words, words_of_value
from streamseg.features.catalogue import Feature

TOLD: Final = 4
"""How many differences the persona tells of."""
NAMES_TOLD: Final = 2
"""How many RFM names."""
WORD_CHOICES: Final = 6
"""How many of the strongest differences a label may be made of."""
MOSTLY: Final = "mostly "

Known = Mapping[str, Feature]
"""Features by name."""


def labels(
    segments: Sequence[str],
    differences: Sequence[Sequence[Difference]],
    sizes: Sequence[int],
    standing: Mapping[str, str],
    known: Known,
) -> list[str]:
    """One label per segment, all different; the larger segments choose first, after those whose label stands."""
    candidates = [_candidates(each, known) for each in differences]
    chosen: dict[int, str] = {}
    for index, segment in enumerate(segments):
        label = standing.get(segment)
        if label in candidates[index] and label not in chosen.values():
            chosen[index] = label
    for index in sorted(range(len(segments)), key=lambda i: (-sizes[i], segments[i])):
        if index not in chosen:
            free = (label for label in candidates[index] if label not in chosen.values())
            chosen[index] = next(free, f"Customers {segments[index].rpartition('-')[2]}")
    return [chosen[index] for index in range(len(segments))]


def persona(value_share: float | None, differences: Sequence[Difference], rfm: RfmOfMany | None, known: Known) -> str:
    """A few sentences: what the members bring, and in what they differ, the strongest first.

    Without size and share: these change by the second and stand beside it, the persona with each model.
    """
    sentences = []
    if value_share is not None:
        sentences.append(f"They bring {value_share:.0%} of the value")
    if rfm is not None:
        names = list(rfm.names.items())[:NAMES_TOLD]
        sentences.append("By recency and frequency " + _listed([f"{share:.0%} are {name}" for name, share in names]))
    noticed = _noticed(differences, known)[:TOLD]
    strong = [_told(one, known) for one in noticed if abs(one.effect) >= STRONG]
    slight = [_told(one, known) for one in noticed if abs(one.effect) < STRONG]
    if strong:
        sentences.append(f"They {_listed(strong)}")
    if slight:
        sentences.append(f"To a lesser degree they {_listed(slight)}")
    if not noticed:
        sentences.append("In nothing do they differ much from the others")
    return ". ".join(sentences) + "."


def amount(value: float, unit: str) -> str:
    """A value with its unit as people write it: shares in per cent, small numbers with a decimal."""
    if unit in ("share", YES_OR_NO):
        return f"{value:.0%}"
    number = f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.1f}"  # noqa: PLR2004 - two digits
    return number if unit in ("as sent", "log", "events") else f"{number} {unit}"


def _noticed(differences: Sequence[Difference], known: Known) -> list[Difference]:
    """Those that are worth a word, the strongest first, and one of each category-valued attribute.

    Of those the value that members have more often than others do, and only without one a value that they lack; none
    where most members have told no value at all, for then they do not lack one more than another.
    """
    told: defaultdict[str, float] = defaultdict(float)
    for one in differences:
        told[known[one.feature].block] += one.median
    worth = [one for one in differences if abs(one.effect) >= NOTICEABLE]
    best: dict[str, Difference] = {}
    for one in worth:
        block = known[one.feature].block
        if block and told[block] < MOST:
            continue
        if block not in best or best[block].sign < one.sign:
            best[block] = one
    return [one for one in worth if not (block := known[one.feature].block) or best.get(block) is one]


def _said(one: Difference, known: Known) -> Words:
    feature = known[one.feature]
    if feature.value:
        return words_of_value(feature.attribute, feature.value, one.sign, one.median)
    return words(one.feature, one.sign)


def _told(one: Difference, known: Known) -> str:
    typically = "" if one.unit == YES_OR_NO else "typically "
    members, others = amount(one.median, one.unit), amount(one.others_median, one.unit)
    return f"{_said(one, known).clause} ({typically}{members}, others {others})"


def _listed(told: Sequence[str]) -> str:
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)


def _candidates(differences: Sequence[Difference], known: Known) -> list[str]:
    """Labels of an adjective and a noun, or two adjectives, of different families of features, the strongest first."""
    noticed = _noticed(differences, known)[:WORD_CHOICES]
    if not noticed:
        return ["Middle-of-the-road customers"]
    said = [(abs(one.effect), _said(one, known)) for one in noticed]
    pairs = [
        (noun_effect + adjective_effect, f"{adjective.adjective} {noun.noun}")
        for (noun_effect, noun), (adjective_effect, adjective) in product(said, said)
        if noun.noun and noun.family != adjective.family and not _repeats(adjective.adjective, noun.noun)
    ]
    if not any(word.noun for _, word in said):
        pairs += [
            (effect + other, f"{_two_of(first.adjective, second.adjective)} customers")
            for (effect, first), (other, second) in combinations(said, 2)
            if first.family != second.family
        ]
    pairs += [(effect / 2, f"{word.adjective} customers") for effect, word in said]
    ranked = sorted(pairs, key=lambda pair: -pair[0])
    return list(dict.fromkeys(label[0].upper() + label[1:] for _, label in ranked))


def _two_of(first: str, second: str) -> str:
    """Both, with "mostly" said once, and for the second alone where it is true of that only."""
    if first.startswith(MOSTLY):
        return f"{first}, {second.removeprefix(MOSTLY)}" if second.startswith(MOSTLY) else f"{second}, {first}"
    return f"{first}, {second}"


def _repeats(adjective: str, noun: str) -> bool:
    """Whether both hold the same word, as in "frequent frequent visitors"."""
    stems = [{word[:5] for word in text.replace("-", " ").split()} for text in (adjective, noun)]
    return bool(stems[0] & stems[1])
