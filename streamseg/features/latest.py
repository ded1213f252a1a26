"""Fields that hold the latest word: of equal times the greater value wins, so that order does not matter."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamseg.events.types import Consent, Profile
from streamseg.features.groups import Groups
from streamseg.features.rows import Rows, Slots

Floats = NDArray[np.float64]


def take_consents(rows: Rows, groups: Groups, at: Floats, consents: Sequence[Consent]) -> None:
    """Keep the latest answer per purpose; of two answers at the same time, the refusal."""
    slots = groups.slots[groups.of]
    for told, field in (
        ([consent.ads for consent in consents], "ads"),
        ([consent.personalisation for consent in consents], "personalisation"),
    ):
        answers = np.array([np.nan if answer is None else answer for answer in told], dtype=np.float64)
        stated = np.flatnonzero(~np.isnan(answers))
        values, times = rows.slab[field], rows.slab[f"{field}_at"]
        won, winners = _winners(slots[stated], at[stated], answers[stated], (times, values), _refusal_first)
        values[won], times[won] = answers[stated][winners], at[stated][winners]


def take_profiles(rows: Rows, groups: Groups, at: Floats, profiles: Sequence[Profile]) -> None:
    """Keep the latest value per configured attribute; null, and a value that is not listed, take it back."""
    slots = groups.slots[groups.of]
    for index, attribute in enumerate(rows.layout.attributes):
        name = attribute.name
        told = [i for i, profile in enumerate(profiles) if name in profile.attributes]
        stated = np.array(told, dtype=np.intp)
        codes = {value.casefold(): float(code) for code, value in enumerate(attribute.values)}
        answers = np.array([_number(codes, profiles[i].attributes[name]) for i in told], dtype=np.float64)
        values, times = rows.attributes[:, index], rows.attribute_at[:, index]
        won, winners = _winners(slots[stated], at[stated], answers, (times, values), _missing_last)
        values[won], times[won] = answers[winners], at[stated][winners]


def _number(codes: Mapping[str, float], value: object) -> float:
    """A category's code, or the number itself where there are no categories; NaN for what is neither."""
    if codes:
        return codes.get(value.casefold(), np.nan) if isinstance(value, str) else np.nan
    return float(value) if isinstance(value, int | float) else np.nan


def _winners(
    slots: Slots,
    at: Floats,
    values: Floats,
    held: tuple[Floats, NDArray[Any]],
    rank: Callable[[NDArray[Any]], Floats],
) -> tuple[Slots, Slots]:
    """Rows that a statement of the batch beats by (time, rank of the value), and the position of that statement.

    `held` is what the rows say now: times and values by slot.
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
