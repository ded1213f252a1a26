"""What flushes decided and what waits for its delivery."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from streamseg import pipeline
from streamseg.membership.encoding import ends_learning
from streamseg.membership.types import OutboxEntry
from streamseg.ports import OutgoingRecord
from streamseg.ports.tracing import Traced


@dataclass(frozen=True, slots=True)
class PendingDelivery:
    """What one flush decided, and what may be committed once it is delivered."""

    entries: Sequence[OutboxEntry]
    position: str | None
    """Of the last entry in the outbox."""
    extra: Sequence[OutgoingRecord]
    """Records that are sent after the change records."""
    checkpoint: Mapping[str, int]
    appended_at: Sequence[float]
    """Epoch seconds at which Kafka got the first and the last record of each run."""
    in_doubt: bool = False
    """The position is unknown: deliver everything in the outbox."""
    read_until: Mapping[str, float] = field(default_factory=dict)
    """By topic, when Kafka got the last record, epoch seconds."""
    probe: float | None = None
    """When the newest probe was sent, epoch seconds."""
    traced: Sequence[Traced] = ()
    refused: AbstractSet[tuple[str, int]] | None = None
    """Of strings that are written: customer and epoch of those that the store refused. None: not all are written."""

    def with_next(self, later: "PendingDelivery") -> "PendingDelivery":
        """Merge with a later one: a queue of several costs one delivery.

        Tombstones of samples go out before all samples, so a sample that a later entry deletes is left out.
        """
        gone = {entry.customer_id for entry in later.entries if ends_learning(entry)}
        extra = [one for one in self.extra if pipeline.sampled(one.key)[1] not in gone] if gone else self.extra
        return PendingDelivery(
            (*self.entries, *later.entries),
            later.position or self.position,
            (*extra, *later.extra),
            {**self.checkpoint, **later.checkpoint},
            (*self.appended_at, *later.appended_at),
            self.in_doubt or later.in_doubt,
            read_until={**self.read_until, **later.read_until},
            probe=self.probe if later.probe is None else later.probe,
            traced=(*self.traced, *later.traced),
        )

    def split(self, customers: AbstractSet[str]) -> tuple["PendingDelivery", "PendingDelivery"]:
        """Divide into what can be delivered now, and what waits for the strings of these customers.

        Their entries and samples wait, and all that may be done only once the whole is delivered.
        """
        waiting = [entry for entry in self.entries if entry.customer_id in customers]
        now = [entry for entry in self.entries if entry.customer_id not in customers]
        held = [one for one in self.extra if pipeline.sampled(one.key)[1] in customers]
        sent = [one for one in self.extra if pipeline.sampled(one.key)[1] not in customers]
        first = PendingDelivery(now, None, sent, {}, (), probe=self.probe)
        later = PendingDelivery(waiting, self.position, held, self.checkpoint, (), read_until=self.read_until)
        if waiting:
            return first, replace(later, appended_at=self.appended_at, traced=self.traced)
        return replace(first, appended_at=self.appended_at, traced=self.traced), later
