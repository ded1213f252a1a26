"""Runs librdkafka's built-in broker: it speaks the Kafka protocol over TCP and keeps its records in memory."""

from typing import Final, Self

from confluent_kafka import KafkaException, Producer

from streamseg.embedded.child import ServerError
from streamseg.topics import TOPICS

PARTITIONS: Final = 4
"""Partitions of every topic; librdkafka offers no choice."""
TIMEOUT_SECONDS: Final = 10.0


class EmbeddedBroker:
    """A Kafka broker with all topics of streamseg, for the duration of a `with` block.

    It runs on threads of this process. It creates topics at first use, and has no topic ids, no admin requests that
    change anything and no offsets by time. It keeps 5 MiB per partition and drops older records silently, so a producer
    must wait while the lag is high.
    """

    partitions = PARTITIONS

    def __init__(self) -> None:
        self._owner: Producer | None = None
        self._bootstrap = ""

    @property
    def bootstrap(self) -> str:
        """The address for clients. Raises `ServerError` when the broker is not running."""
        if self._owner is None:
            raise ServerError("the embedded broker is not running")
        return self._bootstrap

    def start(self) -> Self:
        """Start the broker and create the topics. Raises `ServerError`."""
        # log_level 4 hides the notice that the mock cluster replaces bootstrap.servers.
        owner = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "embedded", "log_level": 4})
        try:
            brokers = owner.list_topics(timeout=TIMEOUT_SECONDS).brokers
            for spec in TOPICS:
                owner.list_topics(spec.name, timeout=TIMEOUT_SECONDS)
        except KafkaException as error:
            raise ServerError(f"the embedded broker does not answer: {error.args[0].str()}") from None
        self._bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in brokers.values())
        self._owner = owner
        return self

    def close(self) -> None:
        """Stop the broker; its records are lost."""
        self._owner = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()
