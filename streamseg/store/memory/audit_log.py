"""The audit log in memory."""

from collections.abc import Sequence

from streamseg.ports import AuditEntry


class MemoryAuditLog:
    """An `AuditLog` in memory."""

    def __init__(self) -> None:
        self._entries: list[AuditEntry] = []

    async def append(self, entry: AuditEntry) -> None:
        """See the port."""
        self._entries.append(entry)

    async def latest(self, count: int) -> Sequence[AuditEntry]:
        """See the port."""
        return self._entries[-count:]
