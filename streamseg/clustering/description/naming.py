"""A label and a persona for each segment, in words that fit on a marketer's slide."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, combinations, count, product
from math import expm1
from typing import Final

from streamseg.clustering.description.difference import NOTICEABLE, STRONG, YES_OR_NO, FeatureDifference
from streamseg.clustering.description.rfm import RfmOfMany
from streamseg.clustering.description.wording import MOST, NOT_BUYING, OF_BUYERS, Words, whole_of, words, words_of_value
from streamseg.features.catalogue import RECENCY_CAP_DAYS, Feature

TOLD: Final = 4
"""How many differences the persona tells of."""
NAMES_TOLD: Final = 2
"""How many RFM names."""
WORD_CHOICES: Final = 6
"""How many of the strongest differences a label may be made of."""
MOSTLY: Final = "mostly "
SHOWN: Final = 0.02
"""Shares that lie nearer together are much the same to people, however rare what they are of."""
ONLY: Final = 0.85
"""Share from which customers come by one kind of device only, as far as shares with a prior can tell."""
COUNTS: Final = ("as sent", "events", "purchases", "items")
"""Units that go without saying."""

Known = Mapping[str, Feature]
"""Features by name."""


def labels(
    segments: Sequence[str],
    differences: Sequence[Sequence[FeatureDifference]],
    sizes: Sequence[int],
    standing: Mapping[str, str],
    known: Known,
) -> list[str]:
    """One label per segment, all different; the larger segments choose first, after those whose label stands."""
    candidates = [_candidates(each, known) for each in differences]
    chosen: dict[int, str] = {}
    for index, segment in enumerate(segments):
        label = standing.get(segment, "")
        if _plain(label) in candidates[index] and label not in chosen.values():
            chosen[index] = label
    for index in sorted(range(len(segments)), key=lambda i: (-sizes[i], segments[i])):
        if index not in chosen:
            best = candidates[index][0]
            told_apart = [f"{best} ({amount(one.median, one.unit)})" for one in _noticed(differences[index], known)[:1]]
            numbered = (f"{best} {number}" for number in count(2))
            all_of_them = chain(candidates[index], told_apart, numbered)
            chosen[index] = next(label for label in all_of_them if label not in chosen.values())
    return [chosen[index] for index in range(len(segments))]


def persona(
    value_share: float | None, differences: Sequence[FeatureDifference], rfm: RfmOfMany | None, known: Known
) -> str:
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
    """A value with its unit as people say it: shares in per cent, small numbers with a decimal, counts bare."""
    if unit in ("share", YES_OR_NO):
        return f"{value:.0%}"
    if unit == "log":
        return f"±{expm1(value):.0%}"
    if unit == "days" and value >= RECENCY_CAP_DAYS:
        return "a year or more"
    if unit == "days" and value < 1:
        return "less than a day"
    number = f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.1f}"  # noqa: PLR2004 - two digits
    return number if unit in COUNTS else f"{number} {unit}"


def _noticed(differences: Sequence[FeatureDifference], known: Known) -> list[FeatureDifference]:
    """Those that are worth a word and can be shown in figures, the strongest first.

    Of the parts of a whole (devices, times of day, values of an attribute) what members have less of follows from what
    they have more of. Of an attribute one value is told, and none where most have told no value at all: then they do
    not lack one more than another.
    """
    worth = [one for one in differences if abs(one.effect) >= NOTICEABLE and _figures(one)]
    told: defaultdict[str, float] = defaultdict(float)
    for one in differences:
        told[known[one.feature].block] += one.median
    parts: defaultdict[str, list[FeatureDifference]] = defaultdict(list)
    for one in worth:
        parts[known[one.feature].block or whole_of(one.feature)].append(one)
    kept = {one.feature for one in parts.pop("", ())}
    for whole, each in parts.items():
        more = [one for one in each if one.sign > 0]
        if not known[each[0].feature].value:
            chosen = more or each[:1]
        else:
            chosen = (more or (each if told[whole] >= MOST else []))[:1]
        kept |= {one.feature for one in chosen}
    return [one for one in worth if one.feature in kept]


def _said(one: FeatureDifference, known: Known) -> Words:
    feature = known[one.feature]
    if feature.value:
        return words_of_value(feature.attribute, feature.value, one.sign, one.median)
    if one.feature == "purchase_recency" and one.sign > 0 and one.median >= RECENCY_CAP_DAYS:
        return NOT_BUYING
    said = words(one.feature, one.sign)
    if said.family == "device" and one.median >= ONLY:
        return replace(said, adjective=f"{said.adjective}-only")
    return said


def _figures(one: FeatureDifference) -> str:
    """What members and others have: the typical, the average where those are alike; nothing where both are."""
    pairs = (("typically ", one.median, one.others_median), ("on average ", one.mean, one.others_mean))
    for how, ours, theirs in pairs:
        members, others = amount(ours, one.unit), amount(theirs, one.unit)
        if members != others and not (one.unit == "share" and abs(ours - theirs) < SHOWN):
            return f"{'' if one.unit == YES_OR_NO else how}{members}, others {others}"
    return ""


def _told(one: FeatureDifference, known: Known) -> str:
    return f"{_said(one, known).clause} ({_figures(one)})"


def _listed(told: Sequence[str]) -> str:
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)


def _candidates(differences: Sequence[FeatureDifference], known: Known) -> list[str]:
    """Labels of an adjective and a noun, or two adjectives, of different families of features, the strongest first."""
    noticed = _noticed(differences, known)[:WORD_CHOICES]
    if not noticed:
        return ["Middle-of-the-road customers"]
    said = [(abs(one.effect), _said(one, known)) for one in noticed]
    if any(word is NOT_BUYING for _, word in said):
        said = [(effect, word) for effect, word in said if word.family not in OF_BUYERS]
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
    alone = {NOT_BUYING: NOT_BUYING.noun}
    pairs += [(effect / 2, alone.get(word, f"{word.adjective} customers")) for effect, word in said]
    ranked = sorted(pairs, key=lambda pair: -pair[0])
    return list(dict.fromkeys(label[0].upper() + label[1:] for _, label in ranked))


def _two_of(first: str, second: str) -> str:
    """Both, with "mostly" said once, and for the second alone where it is true of that only."""
    if first.startswith(MOSTLY):
        return f"{first}, {second.removeprefix(MOSTLY)}" if second.startswith(MOSTLY) else f"{second}, {first}"
    return f"{first}, {second}"


def _plain(label: str) -> str:
    """Without what tells it apart from another of the same words."""
    return re.sub(r" (\([^()]*\)|\d+)$", "", label)


def _repeats(adjective: str, noun: str) -> bool:
    """Whether both hold the same word, as in "frequent frequent visitors"."""
    stems = [{word[:5] for word in text.replace("-", " ").split()} for text in (adjective, noun)]
    return bool(stems[0] & stems[1])
