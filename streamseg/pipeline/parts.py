"""The partitions of rows that are looked at together: each has a lease and a budget of its own."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.budget import LearnBudget, draw
from streamseg.features.rows import Rows, Slots


class Part(NamedTuple):
    """The rows of one partition among those of a look, where they follow each other."""

    size: int
    """Number of rows."""
    epoch: int = 0
    """Epoch of the partition's lease."""
    first_seq: int = 1
    """`seq` of new customers. Must be above the `seq` of all customers removed in this epoch, so that a customer who
    returns does not reuse one."""
    budget: LearnBudget | None = None
    """Limits the samples per second; None takes all."""


def epochs(parts: Sequence[Part]) -> NDArray[np.int64]:
    """Return the epoch of each row, shape (n,)."""
    return np.repeat([one.epoch for one in parts], [one.size for one in parts])


def first_seqs(parts: Sequence[Part]) -> NDArray[np.int64]:
    """Return the `seq` of new customers for each row, shape (n,)."""
    return np.repeat([one.first_seq for one in parts], [one.size for one in parts])


def granted(rows: Rows, slots: Slots, due: Slots, *, segmentation: str, parts: Sequence[Part], now: float) -> Slots:
    """Return the due rows that the budgets of their partitions grant a sample at `now` (epoch seconds), ascending.

    `slots` are the rows of all parts, ascending, and `due` some of them, ascending. A budget that grants fewer than are
    due draws them.
    """
    ends = np.cumsum([one.size for one in parts])
    kept = list[Slots]()
    for part, mine in zip(parts, np.split(due, np.searchsorted(np.searchsorted(slots, due), ends[:-1])), strict=True):
        number = len(mine) if part.budget is None else part.budget.grant(segmentation, len(mine), now)
        if 0 < number < len(mine):
            customers = [rows.customer_ids[slot] for slot in mine.tolist()]
            kept.append(mine[draw(customers, number, now)])
        else:
            kept.append(mine[:number])
    return np.concatenate(kept)
