"""An event on its way to a topic: what every source makes, whoever wrote it first."""

from typing import Final, NamedTuple

from streamseg.topics import CLICKS, CONSENTS, ERASURES, PROFILES, PURCHASES, InputTopic

TOPIC_OF_KIND: Final[dict[str, InputTopic]] = {
    "click": CLICKS,
    "purchase": PURCHASES,
    "profile": PROFILES,
    "consent": CONSENTS,
    "erasure": ERASURES,
}
"""The kinds of events by the word that mappings and files use for them. A refund is of the kind `purchase`."""


class SourceEvent(NamedTuple):
    """One event as JSON, with what is needed to send it without decoding it again."""

    kind: str
    event_id: str
    customer_id: str
    occurred_at: float
    """Epoch seconds."""
    value: bytes
    """The JSON document that goes to the topic."""

    @property
    def topic(self) -> InputTopic:
        """Where it belongs."""
        return TOPIC_OF_KIND[self.kind]
