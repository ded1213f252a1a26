"""The upper limit: librdkafka consumes and msgspec decodes, nothing else."""

import sys

import msgspec

from streamseg.events.structs import struct_of
from streamseg.events.types import Click
from tests.bench.peers.plain_consumer import consumer_of


def main(bootstrap: str, _redis_url: str, group: str, topic: str, _folder: str) -> None:
    """Read until killed; commit once a second."""
    consumer = consumer_of(bootstrap, group, topic)
    decode = msgspec.json.Decoder(struct_of(Click)).decode
    while True:
        for message in consumer.consume(4_000, 0.1):
            value = message.value()
            if value is not None:
                decode(value)


if __name__ == "__main__":
    main(*sys.argv[1:])
