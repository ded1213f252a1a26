"""The log of what people changed: append only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change by a person: `at` (epoch seconds of wall time), `who` (name of the key), and by which role.

    `action` is a word such as "rename", `subject` what was changed; `before` and `after` are JSON values.
    """

    at: float
    who: str
    key_id: str
    role: str
    action: str
    subject: str
    before: Any = None
    after: Any = None


class AuditLog(Protocol):
    """Changes in their order, kept for good. Every call may raise `StoreUnavailableError`."""

    async def append(self, entry: AuditEntry) -> None:
        """Add an entry. Called before a change is made: no change is made without one."""
        ...

    async def latest(self, count: int) -> Sequence[AuditEntry]:
        """Return the last `count` entries, the oldest first. Called by `streamseg audit`."""
        ...
