"""Opens a Redis client and closes it again: shared by all stores."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamseg.settings import RedisSettings
from streamseg.store.redis import connect
from streamseg.store.redis.servers.connection import Client


@asynccontextmanager
async def redis_client(settings: RedisSettings) -> AsyncIterator[Client]:
    """Open a client for the duration of the block. Raises `SettingsError`."""
    redis = connect(settings)
    try:
        yield redis
    finally:
        await redis.aclose()
