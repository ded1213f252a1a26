"""Every topic: name, what it holds, partitions, retention, compaction. One table."""

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
SAMPLES: Final = "streamseg.samples"
MODELS: Final = "streamseg.models"
DEAD_LETTERS: Final = "streamseg.dead-letters"

INPUT_TOPICS: Final = (CLICKS, PURCHASES, PROFILES, CONSENTS, ERASURES)
"""In the order in which a row keeps their fences. Never reorder: rows are stored by position."""


LARGEST_INPUT_BYTES: Final = 1_048_576
"""Of a batch of records in an input topic, as Kafka measures it: compressed."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """How a topic is made. `partitions` None means the configured count, equal for all such topics."""

    name: str
    meaning: str
    partitions: int | None
    retention_seconds: int | None
    compacted: bool = False
    max_message_bytes: int = LARGEST_INPUT_BYTES

    def config(self) -> dict[str, str]:
        """The topic's settings in Kafka's words (milliseconds there)."""
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
        if self.retention_seconds is not None:
            made["retention.ms"] = str(self.retention_seconds * 1000)
        return made


DEAD_LETTER_ROOM_BYTES: Final = 65_536
"""A dead letter is the rejected record plus headers: its topic takes this much more than the inputs do."""

TOPICS: Final[tuple[TopicSpec, ...]] = (
    TopicSpec(CLICKS, "browse events of customers", None, 7 * DAY_SECONDS),
    TopicSpec(PURCHASES, "transactions and refunds", None, 28 * DAY_SECONDS),
    TopicSpec(PROFILES, "attributes that the shop sends", None, 28 * DAY_SECONDS),
    TopicSpec(CONSENTS, "what customers allow", None, 28 * DAY_SECONDS),
    TopicSpec(ERASURES, "requests to forget a customer", None, 28 * DAY_SECONDS),
    TopicSpec(MEMBERSHIPS, "each membership after its last change", None, None, compacted=True),
    TopicSpec(SAMPLES, "sampled feature vectors for the trainer", 1, None, compacted=True),
    TopicSpec(MODELS, "snapshots of the segmentations", 1, None, compacted=True),
    TopicSpec(
        DEAD_LETTERS,
        "rejected records as they came, with the reason",
        None,
        28 * DAY_SECONDS,
        max_message_bytes=LARGEST_INPUT_BYTES + DEAD_LETTER_ROOM_BYTES,
    ),
)
