"""All stored rows are loaded once, whatever their partition and segmentations."""

import numpy as np
import pytest

from streamseg.features.layout import Layout
from streamseg.pipeline import Segmentation
from streamseg.service.live_rows import all_rows, live_vectors
from streamseg.store.memory import MemoryStateStore
from tests.support.rows import DAY, NOON, Slab, click, consent
from tests.support.stored_rows import store_rows

LAYOUT = Layout.of()
BEHAVIOUR = Segmentation("behaviour", ("views", "purchases"), 0.05, 2, DAY)


def rows_of(layout: Layout, *customers: str) -> dict[str, bytes]:
    slab = Slab(layout, customers)
    slab.feed([click(NOON + n) for n in range(len(customers))], range(len(customers)))
    return dict(zip(customers, slab.stored(), strict=True))


@pytest.mark.asyncio
async def test_rows_of_all_partitions_and_pages_are_loaded_once() -> None:
    state = MemoryStateStore()
    for partition in range(3):
        customers = [f"c-{partition}-{n}" for n in range(5)]
        await store_rows(state, LAYOUT, rows_of(LAYOUT, *customers), partition, 3)
    rows = await all_rows(state, LAYOUT, at_once=2)
    assert sorted(rows.customer_ids) == sorted(f"c-{partition}-{n}" for partition in range(3) for n in range(5))


@pytest.mark.asyncio
async def test_rows_of_another_set_of_segmentations_are_converted() -> None:
    state = MemoryStateStore()
    later = Layout.of(segmentations=("behaviour", "value"))
    await store_rows(state, LAYOUT, rows_of(LAYOUT, "c-1"))
    rows = await all_rows(state, later)
    assert rows.customer_ids == ["c-1"]
    assert rows.segment.shape[1] == 2


@pytest.mark.asyncio
async def test_an_empty_store_has_no_rows() -> None:
    assert len(await all_rows(MemoryStateStore(), LAYOUT)) == 0


def test_vectors_are_of_customers_who_can_be_assigned() -> None:
    names = tuple(f"c-{n}" for n in range(8))
    slab = Slab(LAYOUT, names)
    slab.feed([click(NOON + n) for n in range(8 * 7 // 2)], [n for n in range(8) for _ in range(n)])
    slab.feed([consent(NOON + 90, ads=True)], [0])
    now, customers, vectors = live_vectors(slab.rows, BEHAVIOUR, None)
    assert (now, customers) == (NOON + 27, list(names[1:]))
    assert vectors.shape == (7, 2)
    later, _, decayed = live_vectors(slab.rows, BEHAVIOUR, NOON + 30 * DAY)
    assert later == NOON + 30 * DAY
    assert np.all(decayed[:, 0] < vectors[:, 0])


@pytest.mark.parametrize(("busy", "counts"), [(2, False), (3, True)])
def test_a_feature_in_which_hardly_anybody_differs_counts_in_no_vector(busy: int, counts: bool) -> None:
    """As in a model. Nobody bought anything here."""
    slab = Slab(LAYOUT, tuple(f"c-{n}" for n in range(8)))
    slab.feed([click(NOON + n) for n in range(8 + busy)], [*range(8), *range(busy)])
    vectors = live_vectors(slab.rows, BEHAVIOUR, None)[2]
    assert np.isfinite(vectors).all(axis=0).tolist() == [counts, False]
    assert np.isnan(vectors).all(axis=0).tolist() == [not counts, True]


def test_no_vector_is_of_a_customer_without_consent_to_analytics() -> None:
    slab = Slab(LAYOUT, ("c-1", "c-2", "c-3"))
    slab.feed([click(NOON)] * 3, [0, 1, 2])
    slab.feed([consent(NOON + 90, analytics=False), consent(NOON + 90, analytics=True)], [0, 1])
    assert live_vectors(slab.rows, BEHAVIOUR, None)[1] == ["c-2", "c-3"]
    assert live_vectors(slab.rows, BEHAVIOUR, None, unknown=False)[1] == ["c-2"]


def test_without_customers_there_are_no_vectors() -> None:
    now, customers, vectors = live_vectors(Slab(LAYOUT, ()).rows, BEHAVIOUR, None)
    assert (now, customers, vectors.shape) == (0.0, [], (0, 2))
