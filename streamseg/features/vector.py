"""Computes feature vectors of rows on demand."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from streamseg.features.catalogue import catalogue
from streamseg.features.formulas import Moment
from streamseg.features.rows import Floats, Rows, Slots


def vectors(rows: Rows, slots: Slots, now: float | Floats, names: Sequence[str]) -> Floats:
    """Return the features of the rows at `now`, shape (n, len(names)), in the catalogue's units.

    All are finite, but for missing numbers of profiles without a typical value: NaN.

    Args:
        rows: the slab.
        slots: rows to compute, shape (n,).
        now: epoch seconds, a scalar or shape (n,); if a row's latest event is later, that time is used.
        names: names of features in the catalogue.

    Raises:
        KeyError: a name is not in the catalogue.
    """
    known, moment = catalogue(rows.layout), Moment(rows, slots, now)
    out = np.empty((len(slots), len(names)))
    for column, name in enumerate(names):
        out[:, column] = known[name].formula(moment)
    return out


def observed(rows: Rows, slots: Slots, now: float | Floats) -> Floats:
    """Return what was observed of the rows at `now`: one column per feature of the catalogue, in its order.

    Counts and decayed spend are per 30 days, days are not capped, and there are no priors: NaN stands where a customer
    has no data. Descriptions speak from these, models compare `vectors`.
    """
    known, moment = catalogue(rows.layout), Moment(rows, slots, now, priors=False)
    return np.column_stack([feature.formula(moment) for feature in known.values()])


def names_hash(names: Iterable[str]) -> str:
    """Return eight hexadecimal digits that stand for the features of `observed` and their order."""
    return hashlib.blake2b(" ".join(names).encode(), digest_size=4).hexdigest()
