"""Reference rows from one undisturbed pass over events, and a comparison with live rows."""

import time
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from streamseg.events.record import MemoryRecord
from streamseg.features.rows import Rows
from streamseg.features.update import absorb
from streamseg.sources.event import SourceEvent
from streamseg.topics import INPUT_TOPICS
from streamseg.wiring.derived import derive
from tests.support.processes import settings_of

EXACT = ("transactions", "spend_minor", "events", "last_click", "last_purchase", "first_seen", "last_seen")


def single_pass(environment: dict[str, str], events: Iterable[SourceEvent]) -> Rows:
    """Return the rows after one pass over the events, topic by topic."""
    settings = settings_of(environment)
    decoder, money = derive(settings).decoder, derive(settings).money
    rows = Rows(derive(settings).layout)
    by_topic: dict[str, list[SourceEvent]] = defaultdict(list)
    for event in events:
        by_topic[event.topic].append(event)
    for source, topic in enumerate(INPUT_TOPICS):
        now_ms = int(time.time() * 1000)
        decoded = decoder.decode_run(
            source,
            [
                MemoryRecord(topic, 0, offset, now_ms, event.customer_id.encode(), event.value)
                for offset, event in enumerate(by_topic[topic])
            ],
        )
        assert not decoded.rejected
        ids = [event.customer_id for event in decoded.events]
        missing = rows.missing(ids)
        rows.load(missing, [None] * len(missing))
        absorb(rows, source, rows.slots_of(ids), np.array(decoded.offsets, np.int64), decoded.events, money)
    return rows


def assert_same(live: Rows, reference: Rows) -> None:
    """Assert equal customers, exact fields and, within float tolerance, sums."""
    customers = sorted(reference.slots)
    assert sorted(live.slots) == customers
    ours, theirs = live.slots_of(customers), reference.slots_of(customers)
    for name in EXACT:
        np.testing.assert_array_equal(live.slab[name][ours], reference.slab[name][theirs], err_msg=name)
    np.testing.assert_allclose(live.sums[ours], reference.sums[theirs], rtol=1e-3, atol=1e-2)
