"""The event that every source produces, ready to be sent to its topic."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from streamseg.topics import CLICKS, CONSENTS, ERASURES, PROFILES, PURCHASES, InputTopic

TOPIC_OF_KIND: Final[dict[str, InputTopic]] = {
    "click": CLICKS,
    "purchase": PURCHASES,
    "profile": PROFILES,
    "consent": CONSENTS,
    "erasure": ERASURES,
}
"""Topic by kind of event, as mappings and files name the kind. A refund is a `purchase`."""


class SourceEvent(NamedTuple):
    """One event as JSON, with the fields that sending needs, so that nobody decodes it again."""

    kind: str
    """A key of `TOPIC_OF_KIND`."""
    event_id: str
    customer_id: str
    occurred_at: float
    """Epoch seconds."""
    value: bytes
    """The JSON document: the value of the record."""
    line: int = 0
    """Number of the line of the file that began the event; 0 if it is from no file."""

    @property
    def topic(self) -> InputTopic:
        """The topic that takes events of this kind."""
        return TOPIC_OF_KIND[self.kind]


def rfc3339(at: float) -> str:
    """Format epoch seconds as RFC 3339 in UTC, with microseconds only where needed."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def parse_iso8601(text: str) -> float:
    """Return the epoch seconds of an ISO 8601 time, in UTC where it has no offset. Raises `ValueError`."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
