"""Recognises, marks and empties a store that only the demo has written to."""

from collections.abc import AsyncIterator

from streamseg.store import key_names as keys
from streamseg.store.redis.servers.cluster import Cluster
from streamseg.store.redis.servers.connection import Client, check_server, translated_errors

KEYS_AT_ONCE = 1_000


class RedisDemoStore:
    """The keys of streamseg on one Redis."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis

    async def keys(self, prefix: str = keys.PREFIX) -> AsyncIterator[bytes]:
        """Yield all keys that begin with `prefix`. Raises `StoreUnavailableError`."""
        with translated_errors():
            for server in await self._redis.primaries() if isinstance(self._redis, Cluster) else [self._redis]:
                async for key in server.scan_iter(f"{prefix}*", count=KEYS_AT_ONCE):
                    yield key

    async def mark(self) -> None:
        """Mark the store as the demo's. Raises `SettingsError` for an unfit server, and `StoreUnavailableError`."""
        await check_server(self._redis)
        with translated_errors():
            await self._redis.execute_command("SET", keys.DEMO, "1")

    async def is_marked(self) -> bool:
        """Return whether the demo was the first to write to the store. Raises `StoreUnavailableError`."""
        with translated_errors():
            return await self._redis.execute_command("GET", keys.DEMO) is not None

    async def remove_all(self) -> int:
        """Remove all keys of streamseg, the mark last. Return their number. Raises `StoreUnavailableError`."""
        removed = 0
        async for key in self.keys():
            if key != keys.DEMO.encode():
                with translated_errors():
                    removed += int(await self._redis.execute_command("UNLINK", key))
        with translated_errors():
            return removed + int(await self._redis.execute_command("UNLINK", keys.DEMO))
