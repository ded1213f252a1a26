"""API keys on Redis: one hash, key id -> JSON."""

from typing import Final

import msgspec

from streamseg.ports import ApiKey
from streamseg.store import key_names as keys
from streamseg.store.redis.servers.connection import Client, translated_errors

_DECODER: Final = msgspec.json.Decoder(ApiKey)


class RedisApiKeyStore:
    """An `ApiKeyStore` on Redis."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis

    async def put(self, key: ApiKey) -> None:
        """See the port."""
        with translated_errors():
            await self._redis.execute_command("HSET", keys.API_KEYS, key.id, msgspec.json.encode(key))

    async def remove(self, key_id: str) -> bool:
        """See the port."""
        with translated_errors():
            return bool(await self._redis.execute_command("HDEL", keys.API_KEYS, key_id))

    async def all(self) -> list[ApiKey]:
        """See the port."""
        with translated_errors():
            stored: dict[bytes, bytes] = await self._redis.execute_command("HGETALL", keys.API_KEYS)
        return sorted((_DECODER.decode(value) for value in stored.values()), key=lambda key: (key.created, key.id))
