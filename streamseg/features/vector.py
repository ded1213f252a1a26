"""One feature vector per row, on demand."""

from collections.abc import Sequence

import numpy as np

from streamseg.features.catalogue import catalogue
from streamseg.features.moment import Floats, Moment
from streamseg.features.rows import Rows, Slots


def vectors(rows: Rows, slots: Slots, now: float | Floats, names: Sequence[str]) -> Floats:
    """The features of the rows at `now`, shape (len(slots), len(names)), always finite, in the catalogue's units.

    Args:
        rows: where the rows are.
        slots: which of them.
        now: epoch seconds, one for all or one per row; taken as the row's latest event where that is later.
        names: features of the catalogue.
    """
    known, moment = catalogue(rows.layout), Moment(rows, slots, now)
    out = np.empty((len(slots), len(names)))
    for column, name in enumerate(names):
        out[:, column] = known[name].formula(moment)
    return out
