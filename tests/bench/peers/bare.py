"""The shortest path to Redis: librdkafka consumes, msgspec decodes, one pipelined SET per customer of the batch.

No state, no model, nothing durable: the latency that Kafka, Redis and Python have in any case.
"""

import sys
from collections.abc import Callable
from typing import Any, Final

import msgspec
import redis

from streamseg.events.structs import struct_of
from streamseg.events.types import Click
from streamseg.store import key_names as keys
from tests.bench.peers.plain_consumer import consumer_of

MOST: Final = 4_000
"""Records of one batch, at most."""
POLL_SECONDS: Final = 0.1


def main(bootstrap: str, redis_url: str, group: str, topic: str, _folder: str) -> None:
    """Work until killed; commit once a second."""
    consumer = consumer_of(bootstrap, group, topic)
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(struct_of(Click)).decode
    store = redis.Redis.from_url(redis_url)
    while True:
        first = consumer.poll(POLL_SECONDS)
        if first is None:
            continue
        values = [message.value() for message in (first, *consumer.consume(MOST - 1, 0))]
        latest = {decode(value).customer_id: value for value in values if value is not None}
        pipeline = store.pipeline(transaction=False)
        for customer, value in latest.items():
            pipeline.set(keys.MEMBERSHIP_PREFIX + customer, value)
        pipeline.execute()


if __name__ == "__main__":
    main(*sys.argv[1:])
