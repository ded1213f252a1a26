"""What the runs of one cycle changed, until it is flushed."""

from collections import Counter
from dataclasses import dataclass, field

from streamseg.features.rows import Slots
from streamseg.ports import OutgoingRecord, SeenTimes


@dataclass(slots=True)
class Absorbed:
    """What the runs of one cycle changed, until it is flushed."""

    slots: list[Slots] = field(default_factory=list)
    """Rows that were touched, by run."""
    appended_at: list[float] = field(default_factory=list)
    """Epoch seconds at which Kafka got the first and the last record of each run."""
    times: list[SeenTimes] = field(default_factory=list)
    """Event times by run."""
    answered: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Codes of the consent (ads, personalisation) before the first consent or erasure of the cycle, by slot."""
    cleared: list[Slots] = field(default_factory=list)
    """Rows that an erasure has cleared, by run; events may have come after it."""
    dead_letters: list[OutgoingRecord] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    """Records by topic, and how many of them were rejected."""
    rejected: Counter[str] = field(default_factory=Counter)
