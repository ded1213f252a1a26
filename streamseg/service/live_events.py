"""What is told of records as they come: of events what they are and what was adjusted, of rejected ones why."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from streamseg.events.decode import Decoder
from streamseg.events.record import MemoryRecord
from streamseg.events.rejection import ERROR_HEADERS, RejectionError
from streamseg.events.types import KINDS
from streamseg.service.timeline import told_of
from streamseg.topics import DEAD_LETTERS, INPUT_TOPICS

UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One record of the input topics or of the dead letters. Nothing that people typed is told, and no addresses."""

    at: float
    """When Kafka took it, epoch seconds."""
    topic: str
    """Of a rejected one, the topic that it came from."""
    partition: int
    offset: int
    customer_id: str
    kind: str
    name: str = ""
    category: str = ""
    adjusted: tuple[str, ...] = ()
    """Fields that were normalised or left out."""
    reason: str = ""
    """Why it was rejected; empty for an event."""
    detail: str = ""
    """The field and the rule."""

    @property
    def is_rejected(self) -> bool:
        """Whether it is a dead letter."""
        return bool(self.reason)


def live_event(record: MemoryRecord, decoder: Decoder) -> LiveEvent | None:
    """Return what is told of a record; None for heartbeats, probes, marks of redriven letters, and rejected events.

    Rejected ones are told by their dead letters, which come a moment later.
    """
    if record.topic == DEAD_LETTERS:
        return _rejected(record)
    kind, adjusted = INPUT_TOPICS.index(record.topic), Counter[str]()
    try:
        event = decoder.decode(kind, record, adjusted)
    except RejectionError:
        return None
    customer, told = getattr(event, "customer_id", None), told_of(record.topic, record)
    if customer is None or told is None:
        return None
    return LiveEvent(
        record.timestamp / 1000, record.topic, record.partition, record.offset, customer, told.kind,
        told.name or "", told.category or "", tuple(sorted(adjusted)),
    )  # fmt: skip


def _rejected(record: MemoryRecord) -> LiveEvent | None:
    said = {
        name.removeprefix(ERROR_HEADERS): (value or b"").decode(errors="replace")
        for name, value in record.headers
        if name.startswith(ERROR_HEADERS)
    }
    if not said.get("reason"):
        return None
    topic, offset = said.get("topic", UNKNOWN), said.get("offset", "")
    kind = KINDS[INPUT_TOPICS.index(topic)] if topic in INPUT_TOPICS else UNKNOWN
    return LiveEvent(
        record.timestamp / 1000, topic, record.partition, int(offset) if offset.isdecimal() else -1,
        (record.key or b"").decode(errors="replace"), kind, reason=said["reason"], detail=said.get("detail", ""),
    )  # fmt: skip
