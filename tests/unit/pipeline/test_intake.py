"""Taking runs in: misrouted records and replay."""

import random

import numpy as np

from streamseg.clustering.identity import code_of
from streamseg.events.rejection import Reason
from streamseg.features.rows import Rows
from tests.support.path import SEGMENTS, PathUnderTest, click, purchase


def test_a_misrouted_record_is_rejected_with_the_remedy() -> None:
    taken = PathUnderTest().take(0, click(0), belongs=False)

    assert not taken.events
    (rejected,) = taken.rejected
    assert rejected.reason is Reason.WRONG_PARTITION
    assert "murmur2" in rejected.detail
    assert rejected.record.offset == 0


def test_replaying_every_run_changes_no_row_and_publishes_nothing() -> None:
    path = PathUnderTest()
    runs = [(0, tuple(click(offset) for offset in range(5))), (1, tuple(purchase(o, 9.99) for o in range(3)))]
    for source, records in runs:
        path.feed(source, *records)
    slots = path.rows.slots_of(["c-1"])
    before = path.rows.dump(slots)[0]

    random.Random(1).shuffle(runs)
    published = [path.feed(source, *records) for source, records in runs]

    assert published == [[], []]
    after = Rows(path.rows.layout)
    after.load(["c-1"], path.rows.dump(slots))
    then = Rows(path.rows.layout)
    then.load(["c-1"], [before])
    for name in ("sums", "fences", "events", "transactions", "spend_minor", "last_click", "last_purchase", "seq"):
        np.testing.assert_array_equal(after.slab[name][:1], then.slab[name][:1], err_msg=name)
    assert int(path.rows.segment[slots[0], 0]) in {code_of(segment) for segment in SEGMENTS}
