"""Updates fields that keep the latest statement; ranks of values break ties, so that event order does not matter."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamseg.events.adjusting import number_in
from streamseg.events.fields import MAX_TRAIT
from streamseg.events.types import Consent, Profile
from streamseg.features.groups import Groups
from streamseg.features.rows import Floats, Rows, Slots

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

    A text that holds a number is read as one, and a number as text where values are listed. A text that is no number
    leaves an attribute without listed values as it is. Returns in how many profiles a value was adjusted like this.
    """
    adjusted: set[int] = set()
    slots = groups.slots[groups.of]
    for index, attribute in enumerate(rows.layout.attributes):
        name = attribute.name
        codes = {value.strip().casefold(): float(code) for code, value in enumerate(attribute.values)}
        given = [(i, profile.attributes[name]) for i, profile in enumerate(profiles) if name in profile.attributes]
        read = [(i, _code(codes, value) if codes else _number(value)) for i, value in given]
        adjusted.update(i for i, value in given if _is_adjusted(value, codes))
        stated = np.array([i for i, number in read if number is not None], dtype=np.intp)
        answers = np.array([number for _, number in read if number is not None], dtype=np.float64)
        values, times = rows.attributes[:, index], rows.attribute_at[:, index]
        won, winners = _winners(slots[stated], at[stated], answers, (times, values), _missing_last)
        values[won], times[won] = answers[winners], at[stated][winners]
    return len(adjusted)


def _code(codes: Mapping[str, float], value: Trait) -> float:
    """Return the code of a listed value; else NaN."""
    if isinstance(value, float):
        value = f"{value:.15g}"
    return np.nan if value is None else codes.get(str(value).strip().casefold(), np.nan)


def _number(value: Trait) -> float | None:
    """Return the number of an attribute; NaN for null; None for a text that holds no number."""
    if isinstance(value, str):
        number = number_in(value)
        return number if number is not None and abs(number) <= MAX_TRAIT else None
    return np.nan if value is None else float(value)


def _is_adjusted(value: Trait, codes: Mapping[str, float]) -> bool:
    if isinstance(value, str):
        return not codes or value != value.strip()
    return bool(codes) and value is not None


def _winners(
    slots: Slots,
    at: Floats,
    values: Floats,
    held: tuple[Floats, NDArray[Any]],
    rank: Callable[[NDArray[Any]], Floats],
) -> tuple[Slots, Slots]:
    """Return the slots with a newer statement in the batch, and the batch positions of those statements.

    Statements compare by (time, rank of the value). `held` has the rows' current times and values, by slot.
    """
    held_at, held_values = held
    if not len(slots):
        return slots, slots
    ranks = rank(values)
    order = np.lexsort((ranks, at, slots))
    last = np.flatnonzero(np.append(slots[order][1:] != slots[order][:-1], True))
    best = order[last]
    row = slots[best]
    newer = (at[best] > held_at[row]) | ((at[best] == held_at[row]) & (ranks[best] > rank(held_values[row])))
    return row[newer], best[newer]


def _refusal_first(answers: NDArray[Any]) -> Floats:
    return -answers.astype(np.float64)


def _missing_last(values: NDArray[Any]) -> Floats:
    return np.where(np.isnan(values), -np.inf, values)
