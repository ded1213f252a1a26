"""Moves of flushed rows: by segmentation, by UTC day, from what the stored row has. Issue 13, item 26."""

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.identity import id_of
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.ports import Flows
from streamseg.time_units import DAY_SECONDS
from streamseg.worker.partition.counts.flow_count import FlowCount

LAYOUT = Layout.of(segmentations=("behaviour", "value"))
A, B, VALUE = id_of("behaviour", 1), id_of("behaviour", 2), id_of("value", 1)
CUSTOMERS = ["c-0", "c-1", "c-2", "c-3"]


def codes(*rows: tuple[int, int]) -> NDArray[np.uint32]:
    return np.array(rows, dtype=np.uint32)


def test_moves_are_counted_by_segmentation_and_day() -> None:
    rows = Rows(LAYOUT)
    slots = rows.load(CUSTOMERS, [None] * 4)
    count = FlowCount(LAYOUT.segmentations)
    before, after = codes((0, 0), (0, 1), (1, 1), (2, 0)), codes((1, 1), (1, 1), (2, 0), (0, 0))
    expected = {(None, A): 2, (A, B): 1, (B, None): 1, (None, VALUE): 1, (VALUE, None): 1}
    assert count.of(rows, slots, before, after, 3 * DAY_SECONDS - 1.0) == Flows(2, expected)
    assert count.of(rows, slots, before, after, 3.0 * DAY_SECONDS) == Flows(3, expected)
    assert count.of(rows, slots, before, before, 3.0 * DAY_SECONDS) is None


def test_a_row_that_caught_up_moves_once_from_what_is_stored() -> None:
    rows = Rows(LAYOUT)
    slots = rows.load(CUSTOMERS, [None] * 4)
    count = FlowCount(LAYOUT.segmentations)
    stored, published = codes((1, 0), (1, 0)), codes((2, 0), (1, 0))
    count.caught_up(CUSTOMERS[:2], stored, published)
    assert count.of(rows, slots[:2], published, published, 0.0) == Flows(0, {(A, B): 1})
    assert count.of(rows, slots[:2], published, published, 0.0) is None
    count.counts_caught_up = False
    count.caught_up(CUSTOMERS[:2], stored, published)
    assert count.of(rows, slots[:2], published, published, 0.0) is None
