"""What a cycle notes of its runs."""

import numpy as np
import pytest

from streamseg.events.record import MemoryRecord, RecordBatch
from streamseg.events.rejection import Reason, RejectedEvent
from streamseg.pipeline import Taken
from streamseg.topics import CLICKS
from streamseg.worker.partition.absorbed import Absorbed

RECORDS = [MemoryRecord(CLICKS, 0, offset, 1_000 * offset, b"c-1", b"{}", ()) for offset in (3, 4, 7, 8, 9, 12)]
BAD = RejectedEvent(RECORDS[3], "decode", Reason.SCHEMA, "why")


@pytest.mark.parametrize(
    ("offsets", "rejected", "timed"),
    [([4, 7], [], [4.0, 7.0]), ([4], [BAD], [4.0, 8.0]), ([], [BAD], [8.0, 8.0]), ([], [], [])],
)
def test_a_run_is_timed_by_its_events_and_not_by_the_probes_around_them(
    offsets: list[int], rejected: list[RejectedEvent], timed: list[float]
) -> None:
    """Probes come every few seconds, alone: they would make slow events look fast."""
    noted, run = Absorbed(), RecordBatch.of(CLICKS, 0, 0, 0, RECORDS)
    events = [object()] * len(offsets)
    customers, times = ["c-1"] * len(offsets), np.zeros(len(offsets))
    taken = Taken(events, np.array(offsets, dtype=np.int64), customers, [], rejected, times, probes=[1.0, 2.0])  # type: ignore[arg-type]  # no event is looked into
    noted.note_run(0, run, taken, 0.0)
    assert noted.appended_at == timed
    assert noted.read_until == {CLICKS: 12.0}
