"""Computes feature vectors of rows on demand."""

from collections.abc import Sequence

import numpy as np

from streamseg.features.catalogue import catalogue
from streamseg.features.formulas import Moment
from streamseg.features.rows import Floats, Rows, Slots


def vectors(rows: Rows, slots: Slots, now: float | Floats, names: Sequence[str]) -> Floats:
    """Return the features of the rows at `now`, shape (n, len(names)), finite, in the catalogue's units.

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
