"""Partitions that share a cycle come to the same rows, entries and samples as each by itself."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streamseg import pipeline
from streamseg.clustering.budget import LearnBudget
from streamseg.events.decode import Decoder
from streamseg.events.record import MemoryRecord, RecordBatch
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.topics import CONSENTS, ERASURES, INPUT_TOPICS
from tests.properties.test_tick_properties import three_segments
from tests.support.declared import BUYERS, QUIET, VISITORS, declared, live
from tests.support.path import DAY, MONEY, NOW, RULES, click, purchase, record

LAYOUT = Layout.of(audiences=3, remembered_event_ids=8, category_groups=4)
MODELS = pipeline.Models(
    [three_segments()],
    live(LAYOUT, declared({"visitors": VISITORS, "buyers": BUYERS, "quiet": QUIET}, 3)),
    RULES,
)
PARTITIONS = 3

Shape = tuple[int, int, int, int]
"""Partition, source of an event, customer, and minutes after the event before."""
shapes = st.lists(
    st.tuples(
        st.integers(0, PARTITIONS - 1), st.integers(0, 4), st.integers(0, 3), st.sampled_from([0, 0, 1, 90, 3000])
    ),
    max_size=40,
)


def made(source: int, offset: int, at: float, customer: str) -> MemoryRecord:
    """A record of a source; every third refuses to be learned from, if it is about consent."""
    match source:
        case 0:
            return click(offset, at, customer)
        case 1:
            return purchase(offset, 30.0, at, customer)
        case 2:
            return record(2, offset, at, customer, traits={"age": 40})
        case 3:
            return record(3, offset, at, customer, consent={"ads": True, "analytics": offset % 3 > 0})
        case _:
            return record(4, offset, at, customer)


class OfPartition:
    """The rows of one partition, and what it has decided so far."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.rows = Rows(LAYOUT)
        self.budget = LearnBudget(per_second=0.001, burst=2)
        self.decided: list[Any] = []

    def runs(self, records: Sequence[tuple[int, MemoryRecord]]) -> pipeline.PartitionRuns:
        """Take records, a run for each source."""
        runs, answered = [], dict[int, tuple[int, int, int]]()
        for source, topic in enumerate(INPUT_TOPICS):
            of_source = [one for kind, one in records if kind == source]
            batch = RecordBatch.of(topic, self.number, 1, 0, of_source)
            taken = pipeline.take(Decoder(MONEY), source, batch, self.rows, lambda _: ())
            self.rows.load(taken.missing, [None] * len(taken.missing))
            runs.append(pipeline.TakenRun(source, taken))
            if topic in {CONSENTS, ERASURES}:
                slots = self.rows.slots_of(taken.customer_ids)
                for slot, codes in zip(slots.tolist(), self.rows.answers(slots), strict=True):
                    answered.setdefault(slot, codes)
        part = pipeline.Part(0, epoch=7 + self.number, first_seq=1 + self.number, budget=self.budget)
        return pipeline.PartitionRuns(self.rows, runs, part, answered)

    def note(self, slots: pipeline.Slots, one: pipeline.Decision) -> None:
        """Keep what was decided, and until when it holds."""
        assert one.audiences is not None
        due = one.audiences.schedule(self.rows, slots)
        looked = one.looked
        shown: list[Any] = [
            looked.before,
            looked.after,
            looked.score.round(9),  # the last bits of a distance depend on how many rows are measured at once
            looked.changed,
            one.audiences.before,
            one.audiences.after,
        ]
        self.decided.append((one.entries, one.samples, due, one.now, [each.tolist() for each in shown]))

    def stored(self) -> dict[str, bytes]:
        """The rows as they would be flushed."""
        customers = sorted(self.rows.slots)
        return dict(zip(customers, self.rows.dump(self.rows.slots_of(customers)), strict=True))


def cycle(partitions: Sequence[OfPartition], records: Sequence[list[tuple[int, MemoryRecord]]], now: float) -> None:
    """Take the partitions through one cycle together."""
    given_ = [one.runs(of_one) for one, of_one in zip(partitions, records, strict=True)]
    together = pipeline.Cycle(given_, Rows(LAYOUT, capacity=2))
    together.absorb(MONEY, MODELS, now - DAY)
    decisions = together.decide(MODELS, now=now, earliest=now - DAY, wall_now=now)
    for one, runs, decision in zip(partitions, given_, decisions, strict=True):
        one.note(runs.slots, decision)


@settings(max_examples=150, deadline=None)
@given(cycles=st.lists(shapes, min_size=1, max_size=4))
def test_partitions_decide_together_what_each_decides_by_itself(cycles: list[list[Shape]]) -> None:
    alone, together = ([OfPartition(n) for n in range(PARTITIONS)] for _ in range(2))
    at, offsets = NOW - 30 * DAY, [[0] * len(INPUT_TOPICS) for _ in range(PARTITIONS)]
    for shape in cycles:
        records: list[list[tuple[int, MemoryRecord]]] = [[] for _ in range(PARTITIONS)]
        for partition, source, customer, minutes in shape:
            at += 60.0 * minutes
            offset = offsets[partition][source]
            offsets[partition][source] += 1
            records[partition].append((source, made(source, offset, at, f"p{partition}-c{customer}")))
        cycle(together, records, at)
        for one, of_one in zip(alone, records, strict=True):
            cycle([one], [of_one], at)
    for one, other in zip(alone, together, strict=True):
        assert one.stored() == other.stored()
        assert one.decided == other.decided
