"""What the runs of one cycle changed, until it is flushed."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Final

from streamseg.events.record import RecordBatch
from streamseg.events.traceparent import sampled_parent
from streamseg.features.rows import Rows, Slots
from streamseg.pipeline import Taken, TakenRun
from streamseg.ports import OutgoingRecord, SeenTimes
from streamseg.ports.tracing import StageTimes, Traced, TracedEvent

NOT_YET: Final = StageTimes(0.0, 0.0, 0.0)


@dataclass(slots=True)
class Absorbed:
    """What the runs of one cycle changed, until it is flushed."""

    taken: list[TakenRun] = field(default_factory=list)
    """Runs that are decoded and whose rows are loaded, to be absorbed together."""
    began_at: float = 0.0
    """The partition's clock when the cycle began, epoch seconds."""
    appended_at: list[float] = field(default_factory=list)
    """Epoch seconds at which Kafka got the first and the last record of each run, probes and heartbeats left out."""
    read_until: dict[str, float] = field(default_factory=dict)
    """By topic, when Kafka got the last record, epoch seconds."""
    times: list[SeenTimes] = field(default_factory=list)
    """Event times by run."""
    history_ended: bool = False
    """Whether a heartbeat said that a history was sent before it."""
    traced: list[TracedEvent] = field(default_factory=list)
    """Events whose producers sample their traces, if this worker traces."""
    stages: StageTimes = NOT_YET
    """When they were through the stages so far."""
    probe: float | None = None
    """When the newest probe was sent, epoch seconds."""
    answered: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    """Codes of the consents before the first consent or erasure of the cycle, by slot."""
    dead_letters: list[OutgoingRecord] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    """Records by topic, and how many of them were rejected."""
    rejected: Counter[str] = field(default_factory=Counter)

    def note_run(self, source: int, run: RecordBatch, taken: Taken, now: float) -> None:
        """Note a decoded run, whose rows are loaded before it is absorbed. Probes count as no records.

        Args:
            source: index of the run's topic.
            run: the run.
            taken: what is in it.
            now: the partition's clock, epoch seconds.
        """
        self.began_at = self.began_at if self.taken else now
        self.taken.append(TakenRun(source, taken))
        self.note_records(run.topic, len(run.records) - len(taken.probes), len(taken.rejected))
        self.history_ended |= taken.history_ended
        offsets = taken.offsets.tolist()
        self.times.append(SeenTimes(run.topic, taken.times.tolist(), offsets, taken.heartbeat))
        self.probe = max((*taken.probes, self.probe or 0.0), default=0.0) or None
        if run.records:
            self.read_until[run.topic] = run.records[-1].timestamp / 1000.0
            offsets = [*offsets[:1], *offsets[-1:], *(one.record.offset for one in taken.rejected)]
            for offset in (min(offsets), max(offsets)) if offsets else ():
                at = bisect_left(run.records, offset, key=attrgetter("offset"))
                self.appended_at.append(run.records[at].timestamp / 1000.0)

    def note_traces(self, run: RecordBatch, taken: Taken) -> None:
        """Note the events of a run whose producers sample their traces."""
        customers = dict(zip(taken.offsets.tolist(), taken.customer_ids, strict=True))
        for record in run.records:
            customer = customers.get(record.offset) if record.headers else None
            if customer is not None and (parent := sampled_parent(record.headers)) is not None:
                at = record.timestamp / 1000.0
                self.traced.append(TracedEvent(parent, run.topic, run.partition, record.offset, customer, at))

    def through(self, **stages: float) -> None:
        """Note when the events were through a stage, epoch seconds."""
        self.stages = replace(self.stages, **stages)

    @property
    def spans(self) -> list[Traced]:
        """The traced events, each with the times of its stages."""
        return [(one, self.stages) for one in self.traced]

    def note_records(self, topic: str, seen: int, rejected: int) -> None:
        """Count records of a topic, and how many of them were rejected."""
        self.seen[topic] += seen
        self.rejected[topic] += rejected

    def note_answers(self, rows: Rows, slots: Slots) -> None:
        """Note the consents of rows before consents or erasures are absorbed."""
        for slot, codes in zip(slots.tolist(), rows.answers(slots), strict=True):
            self.answered.setdefault(slot, codes)
