"""Gives each segment a label of a few words and a persona of a few sentences, written for marketers."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, combinations, count, product
from math import expm1
from typing import Final

from streamseg.clustering.description.difference import NOTICEABLE, STRONG, FeatureDifference
from streamseg.clustering.description.rfm import RfmOfMany
from streamseg.clustering.description.wording import MOST, NOT_BUYING, OF_BUYERS, Words, whole_of, words, words_of_value
from streamseg.features.catalogue import AS_SENT, RECENCY_CAP_DAYS, YES_OR_NO, Feature

PERSONA_DIFFERENCES: Final = 4
PERSONA_RFM_NAMES: Final = 2
LABEL_DIFFERENCES: Final = 6
"""A label is made from this many of the strongest differences."""
MOSTLY: Final = "mostly "
LEAST_SHARE_GAP: Final = 0.02
"""Shares that differ by less look the same to people."""
ONLY: Final = 0.85
"""Share from which customers use one kind of device only. Below 1, because device shares include a prior."""
BARE_UNITS: Final = (AS_SENT, "events", "purchases", "items")
"""Units that are not written after the number."""

Known = Mapping[str, Feature]
"""Features by name."""


def labels(
    segments: Sequence[str],
    differences: Sequence[Sequence[FeatureDifference]],
    sizes: Sequence[int],
    current: Mapping[str, str],
    known: Known,
) -> list[str]:
    """Return one label per segment, all different.

    Args:
        segments: segment ids.
        differences: of each segment, the strongest first.
        sizes: members of each segment. Segments whose current label still fits keep it; then larger ones choose first.
        current: present label by segment id.
        known: features by name.
    """
    candidates = [_candidates(each, known) for each in differences]
    chosen: dict[int, str] = {}
    for index, segment in enumerate(segments):
        label = current.get(segment, "")
        if _plain(label) in candidates[index] and label not in chosen.values():
            chosen[index] = label
    for index in sorted(range(len(segments)), key=lambda i: (-sizes[i], segments[i])):
        if index not in chosen:
            best = candidates[index][0]
            with_amount = [
                f"{best} ({amount(one.median, one.unit)})" for one in _noticed(differences[index], known)[:1]
            ]
            numbered = (f"{best} {number}" for number in count(2))
            all_of_them = chain(candidates[index], with_amount, numbered)
            chosen[index] = next(label for label in all_of_them if label not in chosen.values())
    return [chosen[index] for index in range(len(segments))]


def persona(
    value_share: float | None, differences: Sequence[FeatureDifference], rfm: RfmOfMany | None, known: Known
) -> str:
    """Return a few sentences: the members' share of the value, their RFM names, and how they differ, strongest first.

    Size and share are left out: they change by the second and are shown beside the persona, which changes per model.
    """
    sentences = []
    if value_share is not None:
        sentences.append(f"They bring {value_share:.0%} of the value")
    if rfm is not None:
        names = list(rfm.names.items())[:PERSONA_RFM_NAMES]
        sentences.append("By recency and frequency " + _listed([f"{share:.0%} are {name}" for name, share in names]))
    noticed = _noticed(differences, known)[:PERSONA_DIFFERENCES]
    strong = [_clause(one, known) for one in noticed if abs(one.effect) >= STRONG]
    slight = [_clause(one, known) for one in noticed if abs(one.effect) < STRONG]
    if strong:
        sentences.append(f"They {_listed(strong)}")
    if slight:
        sentences.append(f"To a lesser degree they {_listed(slight)}")
    if not noticed:
        sentences.append("In nothing do they differ much from the others")
    return ". ".join(sentences) + "."


def amount(value: float, unit: str) -> str:
    """Format a value with its unit: shares in per cent, small numbers with one decimal, counts without a unit."""
    if unit in ("share", YES_OR_NO):
        return f"{value:.0%}"
    if unit == "log":
        return f"±{expm1(value):.0%}"
    if unit == "days" and value >= RECENCY_CAP_DAYS:
        return "a year or more"
    if unit == "days" and value < 1:
        return "less than a day"
    number = f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.1f}"  # noqa: PLR2004 - two digits
    return number if unit in BARE_UNITS else f"{number} {unit}"


def _noticed(differences: Sequence[FeatureDifference], known: Known) -> list[FeatureDifference]:
    """Return the differences worth mentioning: noticeable, and visible in numbers. The strongest first.

    Of the parts of a whole (devices, times of day) only those that members have more of are kept, because the rest
    follows from them. Of an attribute only one value is kept, and none when most members have no value at all: then
    they lack no value more than another.
    """
    worth = [one for one in differences if abs(one.effect) >= NOTICEABLE and _numbers(one)]
    with_value: defaultdict[str, float] = defaultdict(float)
    for one in differences:
        with_value[known[one.feature].block] += one.median
    parts: defaultdict[str, list[FeatureDifference]] = defaultdict(list)
    for one in worth:
        parts[known[one.feature].block or whole_of(one.feature)].append(one)
    kept = {one.feature for one in parts.pop("", ())}
    for whole, each in parts.items():
        more = [one for one in each if one.sign > 0]
        if not known[each[0].feature].value:
            chosen = more or each[:1]
        else:
            chosen = (more or (each if with_value[whole] >= MOST else []))[:1]
        kept |= {one.feature for one in chosen}
    return [one for one in worth if one.feature in kept]


def _words(one: FeatureDifference, known: Known) -> Words:
    feature = known[one.feature]
    if feature.value:
        return words_of_value(feature.attribute, feature.value, one.sign, one.median)
    if one.feature == "purchase_recency" and one.sign > 0 and one.median >= RECENCY_CAP_DAYS:
        return NOT_BUYING
    found = words(one.feature, one.sign)
    if found.family == "device" and one.median >= ONLY:
        return replace(found, adjective=f"{found.adjective}-only")
    return found


def _numbers(one: FeatureDifference) -> str:
    """Return the medians of members and others, or the means if the medians look equal, or "" if both do."""
    pairs = (("typically ", one.median, one.others_median), ("on average ", one.mean, one.others_mean))
    for how, ours, theirs in pairs:
        members, others = amount(ours, one.unit), amount(theirs, one.unit)
        if members != others and not (one.unit == "share" and abs(ours - theirs) < LEAST_SHARE_GAP):
            return f"{'' if one.unit == YES_OR_NO else how}{members}, others {others}"
    return ""


def _clause(one: FeatureDifference, known: Known) -> str:
    return f"{_words(one, known).clause} ({_numbers(one)})"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _candidates(differences: Sequence[FeatureDifference], known: Known) -> list[str]:
    """Return possible labels, the strongest first: adjective and noun, or two adjectives, of different families."""
    noticed = _noticed(differences, known)[:LABEL_DIFFERENCES]
    if not noticed:
        return ["Middle-of-the-road customers"]
    weighted = [(abs(one.effect), _words(one, known)) for one in noticed]
    if any(word is NOT_BUYING for _, word in weighted):
        weighted = [(effect, word) for effect, word in weighted if word.family not in OF_BUYERS]
    pairs = [
        (noun_effect + adjective_effect, f"{adjective.adjective} {noun.noun}")
        for (noun_effect, noun), (adjective_effect, adjective) in product(weighted, weighted)
        if noun.noun and noun.family != adjective.family and not _repeats(adjective.adjective, noun.noun)
    ]
    if not any(word.noun for _, word in weighted):
        pairs += [
            (effect + other, f"{_two_of(first.adjective, second.adjective)} customers")
            for (effect, first), (other, second) in combinations(weighted, 2)
            if first.family != second.family
        ]
    alone = {NOT_BUYING: NOT_BUYING.noun}
    pairs += [(effect / 2, alone.get(word, f"{word.adjective} customers")) for effect, word in weighted]
    ranked = sorted(pairs, key=lambda pair: -pair[0])
    return list(dict.fromkeys(label[0].upper() + label[1:] for _, label in ranked))


def _two_of(first: str, second: str) -> str:
    """Join two adjectives, with "mostly" written once, and last if it applies to one of them only."""
    if first.startswith(MOSTLY):
        return f"{first}, {second.removeprefix(MOSTLY)}" if second.startswith(MOSTLY) else f"{second}, {first}"
    return f"{first}, {second}"


def _plain(label: str) -> str:
    """Return the label without the amount or number that tells it apart from an equal one."""
    return re.sub(r" (\([^()]*\)|\d+)$", "", label)


def _repeats(adjective: str, noun: str) -> bool:
    """Whether both contain the same word, as in "frequent frequent visitors"."""
    stems = [{word[:5] for word in text.replace("-", " ").split()} for text in (adjective, noun)]
    return bool(stems[0] & stems[1])
