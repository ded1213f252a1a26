"""Starts a Kafka broker and a Redis of our own, for the demo, benchmarks and tests.

They end with this process, however it ends (DESIGN.md, Embedded mode).
"""

from streamseg.embedded.broker import EmbeddedBroker
from streamseg.embedded.redis_server import RedisServer
from streamseg.embedded.store import EmbeddedStore

__all__ = ["EmbeddedBroker", "EmbeddedStore", "RedisServer"]
