"""The peers do the same work as the worker, and a load has the size and skew that it states."""

import time
from typing import Any

import msgspec
import numpy as np
import pytest

from streamseg import pipeline
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import MemoryRecord, RecordBatch
from streamseg.events.structs import struct_of
from streamseg.events.types import Click
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.features.vector import vectors
from streamseg.settings import BEHAVIOUR
from streamseg.topics import CLICKS
from tests.bench.click_load import Load
from tests.bench.peers.customer import SUMS, add_click, fresh, vector


def test_peers_compute_the_same_features_from_the_same_clicks() -> None:
    layout, money, now = Layout.of(), Money("EUR"), time.time()
    sent = list(Load("some", 3_000, 40, skewed=True).records(now - 86_400))
    records = [MemoryRecord(CLICKS, 0, offset, int(now * 1000), key, value) for offset, (key, value) in enumerate(sent)]
    rows = Rows(layout)
    taken = pipeline.take(Decoder(money), 0, RecordBatch(CLICKS, 0, 0, 0, records), rows, lambda _: ())
    customers = taken.missing
    rows.load(customers, [None] * len(customers))
    pipeline.absorb(rows, 0, taken, money)

    theirs = {customer: fresh() for customer in customers}
    decode = msgspec.json.Decoder(struct_of(Click)).decode
    for key, value in sent:
        click: Any = decode(value)
        assert add_click(theirs[key.decode()], click, click.occurred_at.timestamp())

    slots = rows.slots_of(customers)
    np.testing.assert_allclose(
        vectors(rows, slots, now, BEHAVIOUR.features), [vector(theirs[c], now) for c in customers], rtol=1e-4
    )
    sums = [[theirs[c]["sums"].get(name, 0.0) for name in SUMS] for c in customers]
    np.testing.assert_allclose(rows.sums[slots], sums, rtol=1e-4, atol=1e-5)
    assert rows.events[slots].tolist() == [theirs[c]["events"] for c in customers]
    assert len(set(map(tuple, sums))) > 30


def test_peers_count_a_duplicate_click_once() -> None:
    (_, value), *_ = Load("one", 1, 1, skewed=False).records(time.time())
    click = msgspec.json.Decoder(struct_of(Click)).decode(value)
    customer = fresh()

    assert add_click(customer, click, 1.0)
    assert not add_click(customer, click, 1.0)
    assert customer["events"] == 1


@pytest.mark.parametrize(("skewed", "busiest"), [(True, 0.05), (False, 0.001)])
def test_a_load_is_reproducible_and_has_clicks_of_250_bytes(skewed: bool, busiest: float) -> None:
    load = Load("some", 20_000, 20_000, skewed=skewed)
    sizes = [len(value) for _, value in load.records(1_800_000_000.0)]

    assert 230 < np.mean(sizes) < 260
    np.testing.assert_array_equal(load.whose(), load.whose())
    assert (np.bincount(load.whose()).max() / load.events > busiest) == skewed
