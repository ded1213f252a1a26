"""Updates fields that keep the latest statement; ranks of values break ties, so that event order does not matter."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamseg.events.adjusting import number_in
from streamseg.events.fields import MAX_TRAIT
from streamseg.events.types import Consent, Profile
from streamseg.features.groups import Groups
from streamseg.features.identifiers.hashes import identifier_hashes
from streamseg.features.identifiers.normal_forms import FORMS
from streamseg.features.rows import Floats, Rows, Slots
from streamseg.features.words.attributes import Attribute, codes_of
from streamseg.features.words.countries import country_of
from streamseg.features.words.texts import codes, parts_of

Trait = str | float | bool | None


def take_consents(rows: Rows, groups: Groups, at: Floats, consents: Sequence[Consent]) -> None:
    """Keep the latest answer per purpose; a refusal wins over a consent at the same time."""
    slots = groups.slots[groups.of]
    for stated, field in (
        ([consent.ads for consent in consents], "ads"),
        ([consent.personalisation for consent in consents], "personalisation"),
        ([consent.analytics for consent in consents], "analytics"),
    ):
        answers = np.array([np.nan if answer is None else answer for answer in stated], dtype=np.float64)
        given = np.flatnonzero(~np.isnan(answers))
        values, times = rows.slab[field], rows.slab[f"{field}_at"]
        won, winners = _winners(slots[given], at[given], answers[given], (times, values), _refusal_first)
        values[won], times[won] = answers[given][winners], at[given][winners]


def take_profiles(rows: Rows, groups: Groups, at: Floats, profiles: Sequence[Profile]) -> int:
    """Keep the latest value per configured attribute. Null, or a value that is not listed, clears it.

    Another spelling of a value, or name of a country, is read as the value. A text that holds a number is read as one,
    and a number as text where values are listed. A text that is no number leaves an attribute without listed values as
    it is. Returns in how many profiles a value was adjusted like this.
    """
    adjusted: set[int] = set()
    slots = groups.slots[groups.of]
    for index, attribute in enumerate(rows.layout.attributes):
        name = attribute.name
        if attribute.found:
            if not attribute.part:
                adjusted |= _take_texts(rows, slots, at, profiles, index)
            continue
        listed = codes_of(attribute)
        given = [(i, profile.attributes[name]) for i, profile in enumerate(profiles) if name in profile.attributes]
        read = [(i, _code(attribute, value) if listed else _number(value)) for i, value in given]
        adjusted.update(i for i, value in given if _is_adjusted(value, listed, attribute))
        stated = np.array([i for i, number in read if number is not None], dtype=np.intp)
        answers = np.array([number for _, number in read if number is not None], dtype=np.float64)
        values, times = rows.attributes[:, index], rows.attribute_at[:, index]
        won, winners = _winners(slots[stated], at[stated], answers, (times, values), _missing_last)
        values[won], times[won] = answers[winners], at[stated][winners]
    adjusted |= _take_identifiers(rows, slots, at, profiles)
    return len(adjusted)


def _take_texts(rows: Rows, slots: Slots, at: Floats, profiles: Sequence[Profile], index: int) -> set[int]:
    """Keep the latest text of the attribute at an index. Return the profiles whose number was read as a text."""
    attribute = rows.layout.attributes[index]
    parts = parts_of(attribute.first)
    given = [
        (i, one.attributes[attribute.trait]) for i, one in enumerate(profiles) if attribute.trait in one.attributes
    ]
    stated = np.array([i for i, _ in given], dtype=np.intp)
    texts = (codes(_text(value), attribute.first) for _, value in given)
    answers = np.array([one or (np.nan,) * parts for one in texts], dtype=np.float64).reshape(len(given), parts)
    values, times = rows.attributes[:, index : index + parts], rows.attribute_at[:, index]
    won, winners = _winners(slots[stated], at[stated], answers, (times, values), _missing_last)
    values[won] = answers[winners]
    rows.attribute_at[won, index : index + parts] = at[stated][winners, None]
    return {i for i, value in given if isinstance(value, float)}


def _take_identifiers(rows: Rows, slots: Slots, at: Floats, profiles: Sequence[Profile]) -> set[int]:
    """Keep hashes of the latest e-mail address and phone number; null takes it away, and what is none changes nothing.

    Returns the profiles with one that is none.
    """
    layout, wrong = rows.layout, set[int]()
    for index, kind in enumerate(layout.identifiers):
        told = [(i, one.attributes[kind]) for i, one in enumerate(profiles) if kind in one.attributes]
        read = [(i, identifier_hashes(kind, value, layout.phone_country_code)) for i, value in told]
        wrong |= {i for i, hashes in read if hashes is None}
        stated = np.array([i for i, hashes in read if hashes is not None], dtype=np.intp)
        answers = np.array([hashes for _, hashes in read if hashes is not None], dtype=np.uint64).reshape(-1, FORMS)
        values, times = rows.identifiers[:, index * FORMS : (index + 1) * FORMS], rows.identified_at[:, index]
        won, winners = _winners(slots[stated], at[stated], answers, (times, values), _halves)
        values[won], times[won] = answers[winners], at[stated][winners]
    return wrong


def _text(value: Trait) -> str:
    if isinstance(value, float):
        return f"{value:.15g}"
    return value if isinstance(value, str) else ""


def _code(attribute: Attribute, value: Trait) -> float:
    """Return the code of a listed value, or of the country that it names; else NaN."""
    if isinstance(value, float):
        value = f"{value:.15g}"
    if value is None:
        return np.nan
    listed, text = codes_of(attribute), str(value).strip().casefold()
    if text not in listed and attribute.countries:
        text = (country_of(str(value)) or "").casefold()
    return listed.get(text, np.nan)


def _number(value: Trait) -> float | None:
    """Return the number of an attribute; NaN for null; None for a text that holds no number."""
    if isinstance(value, str):
        number = number_in(value)
        return number if number is not None and abs(number) <= MAX_TRAIT else None
    return np.nan if value is None else float(value)


def _is_adjusted(value: Trait, listed: Mapping[str, float], attribute: Attribute) -> bool:
    """Return whether a value was not read as it is; a country that is not known counts, too."""
    if isinstance(value, str):
        if attribute.countries and value.strip().casefold() not in map(str.casefold, attribute.values):
            return True
        return not listed or value != value.strip()
    return bool(listed) and value is not None


def _winners(
    slots: Slots,
    at: Floats,
    values: NDArray[Any],
    held: tuple[Floats, NDArray[Any]],
    rank: Callable[[NDArray[Any]], Floats],
) -> tuple[Slots, Slots]:
    """Return the slots with a newer statement in the batch, and the batch positions of those statements.

    Statements compare by (time, rank of the value), that of several columns from the first to the last. `held` has the
    rows' current times and values, by slot.
    """
    held_at, held_values = held
    if not len(slots):
        return slots, slots
    ranks = rank(values)
    columns = ranks.reshape(len(values), -1).T
    order = np.lexsort((*columns[::-1], at, slots))
    last = np.flatnonzero(np.append(slots[order][1:] != slots[order][:-1], True))
    best = order[last]
    row = slots[best]
    tied, newer = at[best] == held_at[row], at[best] > held_at[row]
    for ours, theirs in zip(columns[:, best], rank(held_values[row]).reshape(len(row), -1).T, strict=True):
        newer |= tied & (ours > theirs)
        tied &= ours == theirs
    return row[newer], best[newer]


def _refusal_first(answers: NDArray[Any]) -> Floats:
    return -answers.astype(np.float64)


def _missing_last(values: NDArray[Any]) -> Floats:
    return np.where(np.isnan(values), -np.inf, values)


def _halves(hashes: NDArray[Any]) -> Floats:
    """Return hashes, (n, k), as numbers that floats hold exactly, (n, 2 k): of two, the greater hash ranks first."""
    return np.ascontiguousarray(hashes, dtype=">u8").view(">u4").astype(np.float64)
