"""API keys in memory."""

from streamseg.ports import ApiKey


class MemoryApiKeyStore:
    """An `ApiKeyStore` in memory."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}

    async def put(self, key: ApiKey) -> None:
        """See the port."""
        self._keys[key.id] = key

    async def remove(self, key_id: str) -> bool:
        """See the port."""
        return self._keys.pop(key_id, None) is not None

    async def all(self) -> list[ApiKey]:
        """See the port."""
        return sorted(self._keys.values(), key=lambda key: (key.created, key.id))
