"""The consumer of those who only read: librdkafka as it is, with a commit once a second."""

from confluent_kafka import Consumer


def consumer_of(bootstrap: str, group: str, topic: str) -> Consumer:
    """Return a consumer that reads the topic from its beginning."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "auto.commit.interval.ms": 1_000,
            "log_level": 0,
        }
    )
    consumer.subscribe([topic])
    return consumer
