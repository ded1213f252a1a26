"""The stores on Redis 6.2 or later, or Valkey: one server, a Cluster, or Sentinel's primary at one address."""

from streamseg.store.redis.membership_store import RedisMembershipStore
from streamseg.store.redis.model_store import RedisModelStore
from streamseg.store.redis.servers.connection import connect
from streamseg.store.redis.state_store import RedisStateStore

__all__ = ["RedisMembershipStore", "RedisModelStore", "RedisStateStore", "connect"]
