"""The audit log on Redis: one stream. The console's user may add to it, and not trim or delete (processes.acl)."""

from collections.abc import Sequence
from typing import Final

import msgspec

from streamseg.ports import AuditEntry
from streamseg.store import key_names as keys
from streamseg.store.redis.servers.connection import Client, translated_errors

_DECODER: Final = msgspec.json.Decoder(AuditEntry)


class RedisAuditLog:
    """An `AuditLog` on Redis."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis

    async def append(self, entry: AuditEntry) -> None:
        """See the port."""
        with translated_errors():
            await self._redis.execute_command("XADD", keys.AUDIT, "*", "entry", msgspec.json.encode(entry))

    async def latest(self, count: int) -> Sequence[AuditEntry]:
        """See the port."""
        with translated_errors():
            found = await self._redis.execute_command("XREVRANGE", keys.AUDIT, "+", "-", "COUNT", count)
        return [_DECODER.decode(fields[b"entry"] if isinstance(fields, dict) else fields[1]) for _, fields in found][
            ::-1
        ]
