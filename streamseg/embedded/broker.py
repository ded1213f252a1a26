"""librdkafka's built-in broker: speaks the Kafka protocol over TCP, keeps its records in our memory."""

from typing import Final, Self

from confluent_kafka import KafkaException, Producer

from streamseg.embedded.child import ServerError
from streamseg.topics import TOPICS

PARTITIONS: Final = 4
"""Of every topic: librdkafka does not let it be chosen."""
KEPT_BYTES_PER_PARTITION: Final = 5 * 1024 * 1024
"""Older records are dropped without a word; whoever produces must be paced by the lag."""
TIMEOUT_SECONDS: Final = 10.0


class EmbeddedBroker:
    """A Kafka broker for as long as the block lasts, with every topic of ours made.

    It makes topics on first use, knows no topic ids, no admin requests that change anything, and no offsets by time.
    It lives on threads of this process and ends with it.
    """

    partitions = PARTITIONS

    def __init__(self) -> None:
        self._owner: Producer | None = None
        self._bootstrap = ""

    @property
    def bootstrap(self) -> str:
        """Where clients find it. Raises `ServerError` when it is not running."""
        if self._owner is None:
            raise ServerError("the embedded broker is not running")
        return self._bootstrap

    def start(self) -> Self:
        """Start it and make the topics. Raises `ServerError`."""
        # log_level 4: that the mock cluster replaces bootstrap.servers is no news here.
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
        """End it; its records are gone."""
        self._owner = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()
