"""A broker and a store of our own: started, owned and ended here, whatever happens to the process that asked."""

from streamseg.embedded.broker import EmbeddedBroker
from streamseg.embedded.redis_server import RedisServer
from streamseg.embedded.store import EmbeddedStore

__all__ = ["EmbeddedBroker", "EmbeddedStore", "RedisServer"]
