"""Read memberships for many concurrent requests with few calls to the store, each within a timeout."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from streamseg.errors import StoreUnavailableError

Read: TypeAlias = Callable[[Sequence[str]], Awaitable[list[bytes | None]]]

BATCH_AT_MOST: Final = 500
"""Customers per call: a few hundred microseconds of the store's time."""
LATE_CALLS_AT_MOST: Final = 8
"""Calls that go on after their timeout. With so many of them, a new call fails at once."""


class BatchedReads:
    """Collects the single reads that arrive during a call to the store, and sends them together in the next call.

    Under load one MGET serves many requests; a lone request is sent at once. No request waits longer than the timeout:
    when a call fails, the requests that wait for the next one fail too. The call itself goes on until the store's own
    limits end it: a connection that takes longer than the timeout could never be made otherwise.
    """

    def __init__(self, read: Read, timeout_seconds: float) -> None:
        self._read = read
        self._timeout_seconds = timeout_seconds
        self._waiting: list[tuple[str, asyncio.Future[bytes | None]]] = []
        self._reading: asyncio.Task[None] | None = None
        self._late: set[asyncio.Future[list[bytes | None]]] = set()

    async def one(self, customer_id: str) -> bytes | None:
        """Return the customer's string, or None. Raises `StoreUnavailableError`."""
        future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((customer_id, future))
        if self._reading is None:
            self._reading = asyncio.create_task(self._drain())
        return await future

    async def many(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        """Return the strings in the order of the ids, by a call of its own. Raises `StoreUnavailableError`."""
        if len(self._late) >= LATE_CALLS_AT_MOST:
            raise StoreUnavailableError("earlier calls have no answer yet")
        call = asyncio.ensure_future(self._read(customer_ids))
        try:
            await asyncio.wait({call}, timeout=self._timeout_seconds)
        finally:
            if not call.done():
                self._late.add(call)
                call.add_done_callback(self._forget)
        if not call.done():
            raise StoreUnavailableError(f"no answer within {self._timeout_seconds} s")
        return call.result()

    def _forget(self, call: asyncio.Future[list[bytes | None]]) -> None:
        self._late.discard(call)
        if not call.cancelled():
            call.exception()  # nobody waits for it any more

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH_AT_MOST], self._waiting[BATCH_AT_MOST:]
                try:
                    found = await self.many([customer_id for customer_id, _ in batch])
                except Exception as error:  # noqa: BLE001 - passed to the requests that wait
                    for _, future in (*batch, *self._waiting):
                        if not future.done():
                            future.set_exception(error)
                    self._waiting.clear()
                    return
                for (_, future), value in zip(batch, found, strict=True):
                    if not future.done():
                        future.set_result(value)
        finally:
            self._reading = None
