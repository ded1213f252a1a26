"""The table of all topics: name, content, partitions, retention and compaction."""

from dataclasses import dataclass
from typing import Final, Literal

from streamseg.time_units import DAY_SECONDS

InputTopic = Literal[
    "streamseg.clicks", "streamseg.purchases", "streamseg.profiles", "streamseg.consents", "streamseg.erasures"
]

CLICKS: Final = "streamseg.clicks"
PURCHASES: Final = "streamseg.purchases"
PROFILES: Final = "streamseg.profiles"
CONSENTS: Final = "streamseg.consents"
ERASURES: Final = "streamseg.erasures"
MEMBERSHIPS: Final = "streamseg.memberships"
HISTORY: Final = "streamseg.membership-history"
SAMPLES: Final = "streamseg.samples"
MODELS: Final = "streamseg.models"
DEAD_LETTERS: Final = "streamseg.dead-letters"

INPUT_TOPICS: Final = (CLICKS, PURCHASES, PROFILES, CONSENTS, ERASURES)
"""In the order of a row's last applied offsets. Never reorder: rows store these by position."""

SAMPLES_PARTITION: Final = 0
"""The samples topic has only this one. Its owner is the trainer and learns all segmentations."""

LARGEST_INPUT_BYTES: Final = 1_048_576
"""Largest batch of records in an input topic, compressed (Kafka's `max.message.bytes`)."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """How to create a topic."""

    name: str
    meaning: str
    partitions: int | None
    """None: the configured number, equal for all such topics."""
    retention_seconds: int | None
    """None: the broker's default."""
    compacted: bool = False
    max_message_bytes: int = LARGEST_INPUT_BYTES
    rolls_daily: bool = False
    """Whether a segment of the log ends after a day at most. Kafka deletes whole segments, never the latest one."""

    def config(self) -> dict[str, str]:
        """Return the topic's configuration under Kafka's names; times are in milliseconds."""
        made = {
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(self.max_message_bytes),
            "cleanup.policy": "compact" if self.compacted else "delete",
        }
        if self.compacted:
            made |= {
                "delete.retention.ms": str(7 * DAY_SECONDS * 1000),
                "max.compaction.lag.ms": str(DAY_SECONDS * 1000),
                "segment.ms": str(DAY_SECONDS * 1000),
            }
        if self.rolls_daily:
            made["segment.ms"] = str(DAY_SECONDS * 1000)
        if self.retention_seconds is not None:
            made["retention.ms"] = str(self.retention_seconds * 1000)
        return made


DEAD_LETTER_ROOM_BYTES: Final = 65_536
"""Extra message size of the dead-letter topic, for the headers added to a rejected record."""

TOPICS: Final[tuple[TopicSpec, ...]] = (
    TopicSpec(CLICKS, "browse events of customers", None, 7 * DAY_SECONDS),
    TopicSpec(PURCHASES, "transactions and refunds", None, 28 * DAY_SECONDS),
    TopicSpec(PROFILES, "customer attributes sent by the shop", None, 28 * DAY_SECONDS),
    TopicSpec(CONSENTS, "customers' consent", None, 28 * DAY_SECONDS),
    TopicSpec(ERASURES, "requests to erase a customer", None, 28 * DAY_SECONDS),
    TopicSpec(MEMBERSHIPS, "latest membership of each customer, with its changes", None, None, compacted=True),
    TopicSpec(HISTORY, "every change of a membership", None, 28 * DAY_SECONDS, rolls_daily=True),
    TopicSpec(SAMPLES, "sampled feature vectors for the trainer", 1, None, compacted=True),
    TopicSpec(MODELS, "snapshots of the segmentations", 1, None, compacted=True),
    TopicSpec(
        DEAD_LETTERS,
        "rejected records, unchanged, with the reason",
        None,
        28 * DAY_SECONDS,
        max_message_bytes=LARGEST_INPUT_BYTES + DEAD_LETTER_ROOM_BYTES,
    ),
)
