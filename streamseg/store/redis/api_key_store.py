"""API keys on Redis: one hash, key id -> JSON. Those of the console are in a hash of their own."""

from typing import Final

import msgspec

from streamseg.ports import ApiKey
from streamseg.store import key_names as keys
from streamseg.store.redis.servers.connection import Client, translated_errors

_DECODER: Final = msgspec.json.Decoder(ApiKey)


class RedisApiKeyStore:
    """An `ApiKeyStore` on Redis."""

    def __init__(self, redis: Client, name: str = keys.API_KEYS) -> None:
        self._redis = redis
        self._name = name

    async def put(self, key: ApiKey) -> None:
        """See the port."""
        with translated_errors():
            await self._redis.execute_command("HSET", self._name, key.id, msgspec.json.encode(key))

    async def remove(self, key_id: str) -> bool:
        """See the port."""
        with translated_errors():
            return bool(await self._redis.execute_command("HDEL", self._name, key_id))

    async def all(self) -> list[ApiKey]:
        """See the port."""
        with translated_errors():
            stored: dict[bytes, bytes] = await self._redis.execute_command("HGETALL", self._name)
        return sorted((_DECODER.decode(value) for value in stored.values()), key=lambda key: (key.created, key.id))
