"""Membership strings in memory."""

import time
from collections.abc import Callable, Sequence

from streamseg.membership.encoding import order_of
from streamseg.membership.types import OutboxEntry
from streamseg.store.limits_and_refusals import DELETION_MARK_SECONDS, jittered_ttl


class MemoryMembershipStore:
    """A `MembershipStore` in memory. `clock` returns wall time in seconds."""

    def __init__(self, *, ttl_seconds: int, clock: Callable[[], float] = time.time) -> None:
        self._ttl_seconds = ttl_seconds
        self._clock = clock
        self._strings: dict[str, tuple[float, bytes]] = {}
        self._probes: dict[int, float] = {}
        self._marks: dict[str, tuple[float, tuple[int, int]]] = {}

    async def server_runs(self) -> str:
        """See the port."""
        return "memory"

    async def write(self, entries: Sequence[OutboxEntry]) -> set[tuple[str, int]]:
        """See the port."""
        now, overtaken = self._clock(), set[tuple[str, int]]()
        for entry in entries:
            customer_id, order = entry.customer_id, (entry.epoch, entry.seq)
            stored = self._order(customer_id, now)
            if stored is not None and order <= stored:
                if entry.epoch < stored[0]:
                    overtaken.add((customer_id, entry.epoch))
                continue
            if entry.membership is None:
                self._marks[customer_id] = (now + DELETION_MARK_SECONDS, order)
                self._strings.pop(customer_id, None)
            else:
                self._strings[customer_id] = (now + jittered_ttl(self._ttl_seconds, customer_id), entry.membership)
        return overtaken

    def _order(self, customer_id: str, now: float) -> tuple[int, int] | None:
        if (string := self._string(customer_id, now)) is not None:
            return order_of(string)
        return self._deletion(customer_id, now)

    def _deletion(self, customer_id: str, now: float) -> tuple[int, int] | None:
        expires, order = self._marks.get(customer_id, (0.0, None))
        return order if expires > now else None

    def _string(self, customer_id: str, now: float) -> bytes | None:
        expires, string = self._strings.get(customer_id, (0.0, None))
        return string if expires > now else None

    async def read(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        """See the port."""
        now = self._clock()
        return [self._string(customer_id, now) for customer_id in customer_ids]

    async def deletions(self, customer_ids: Sequence[str]) -> list[tuple[int, int] | None]:
        """See the port."""
        now = self._clock()
        return [self._deletion(customer_id, now) for customer_id in customer_ids]

    async def note_probe(self, partition: int, sent_at: float) -> None:
        """See the port."""
        self._probes[partition] = sent_at

    async def probes(self) -> dict[int, float]:
        """See the port."""
        return dict(self._probes)
