"""The upper limit: librdkafka consumes and msgspec decodes, nothing else."""

import sys

import msgspec
from confluent_kafka import Consumer

from streamseg.events.structs import struct_of
from streamseg.events.types import Click


def main(bootstrap: str, _redis_url: str, group: str, topic: str, _folder: str) -> None:
    """Read until killed; commit once a second."""
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
    decode = msgspec.json.Decoder(struct_of(Click)).decode
    while True:
        for message in consumer.consume(4_000, 0.1):
            value = message.value()
            if value is not None:
                decode(value)


if __name__ == "__main__":
    main(*sys.argv[1:])
