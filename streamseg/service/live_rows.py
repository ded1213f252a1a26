"""Load every stored row into one slab, and take feature vectors from it."""

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.learning.differing import enough_differ
from streamseg.features.layout import Layout
from streamseg.features.relayout import with_readable
from streamseg.features.rows import Rows
from streamseg.features.vector import observed, vectors
from streamseg.pipeline import Segmentation, is_assignable, is_outside, may_learn
from streamseg.ports import StateStore
from streamseg.service.row_scans import ROWS_AT_ONCE, scan_rows, stored_partitions


async def all_rows(state: StateStore, layout: Layout, at_once: int = ROWS_AT_ONCE) -> Rows:
    """Load the rows of all partitions. Rows written with other segmentations are converted to `layout`."""
    rows = Rows(with_readable(layout, await state.layouts()))
    async for partition in stored_partitions(state):
        async for listed in scan_rows(state, partition, at_once):
            rows.load([customer for customer, _ in listed], [row for _, row in listed])
    return rows


async def some_rows(state: StateStore, layout: Layout, count: int) -> Rows:
    """Load about `count` rows, as many of each partition: a store lists them by a hash, so they are a fair choice."""
    readable = with_readable(layout, await state.layouts())
    partitions = [number async for number in stored_partitions(state)]
    rows = Rows(readable)
    for partition in partitions:
        wanted = count // len(partitions) + 1
        async for listed in scan_rows(state, partition, min(wanted, ROWS_AT_ONCE)):
            chosen = listed[:wanted]
            rows.load([customer for customer, _ in chosen], [row for _, row in chosen])
            wanted -= len(chosen)
            if wanted <= 0:
                break
    return rows


def live_vectors(
    rows: Rows, segmentation: Segmentation, now: float | None, *, unknown: bool = True
) -> tuple[float, list[str], NDArray[np.float64]]:
    """Return the moment, and the ids (n) and raw feature vectors (n, d) of all customers that may be learned from.

    These are those that belong to it, can be assigned and consent to analytics. A feature in which too few of them
    differ counts in no model, and is NaN.

    Args:
        rows: all stored rows.
        segmentation: whose features to take, and whose customers.
        now: the moment of the vectors in epoch seconds; None takes the latest event of these customers.
        unknown: consent to analytics that applies to customers who gave none.
    """
    slots = np.arange(len(rows), dtype=np.intp)
    slots = slots[is_assignable(rows, slots, segmentation) & may_learn(rows, slots, unknown=unknown)]
    if now is None:
        now = float(rows.last_seen[slots].max(initial=0.0))
    slots = slots[~is_outside(rows, slots, segmentation, now)]
    found = vectors(rows, slots, now, segmentation.features)
    found[:, ~enough_differ(observed(rows, slots, now, segmentation.features))] = np.nan
    return now, [rows.customer_ids[slot] for slot in slots.tolist()], found
