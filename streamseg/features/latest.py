"""Updates fields that keep the latest statement; ranks of values break ties, so that event order does not matter."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamseg.events.types import Consent, Profile
from streamseg.features.groups import Groups
from streamseg.features.rows import Floats, Rows, Slots


def take_consents(rows: Rows, groups: Groups, at: Floats, consents: Sequence[Consent]) -> None:
    """Keep the latest answer per purpose; a refusal wins over a consent at the same time."""
    slots = groups.slots[groups.of]
    for stated, field in (
        ([consent.ads for consent in consents], "ads"),
        ([consent.personalisation for consent in consents], "personalisation"),
    ):
        answers = np.array([np.nan if answer is None else answer for answer in stated], dtype=np.float64)
        given = np.flatnonzero(~np.isnan(answers))
        values, times = rows.slab[field], rows.slab[f"{field}_at"]
        won, winners = _winners(slots[given], at[given], answers[given], (times, values), _refusal_first)
        values[won], times[won] = answers[given][winners], at[given][winners]


def take_profiles(rows: Rows, groups: Groups, at: Floats, profiles: Sequence[Profile]) -> None:
    """Keep the latest value per configured attribute. Null, or a value that is not listed, clears it."""
    slots = groups.slots[groups.of]
    for index, attribute in enumerate(rows.layout.attributes):
        name = attribute.name
        positions = [i for i, profile in enumerate(profiles) if name in profile.attributes]
        stated = np.array(positions, dtype=np.intp)
        codes = {value.casefold(): float(code) for code, value in enumerate(attribute.values)}
        answers = np.array([_number(codes, profiles[i].attributes[name]) for i in positions], dtype=np.float64)
        values, times = rows.attributes[:, index], rows.attribute_at[:, index]
        won, winners = _winners(slots[stated], at[stated], answers, (times, values), _missing_last)
        values[won], times[won] = answers[winners], at[stated][winners]


def _number(codes: Mapping[str, float], value: object) -> float:
    """Return the code of a listed value, or the number of an attribute without a list; else NaN."""
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
