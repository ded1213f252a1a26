"""Read memberships for many concurrent requests with few calls to the store, each within a timeout."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from streamseg.errors import StoreUnavailableError

Read: TypeAlias = Callable[[Sequence[str]], Awaitable[list[bytes | None]]]

BATCH_AT_MOST: Final = 500
"""Customers per call: a few hundred microseconds of the store's time."""


class BatchedReads:
    """Collects the single reads that arrive during a call to the store, and sends them together in the next call.

    Under load one MGET serves many requests; a lone request is sent at once. No request waits longer than the timeout:
    when a call fails, the requests that wait for the next one fail too.
    """

    def __init__(self, read: Read, timeout_seconds: float) -> None:
        self._read = read
        self._timeout_seconds = timeout_seconds
        self._waiting: list[tuple[str, asyncio.Future[bytes | None]]] = []
        self._reading: asyncio.Task[None] | None = None

    async def one(self, customer_id: str) -> bytes | None:
        """Return the customer's string, or None. Raises `StoreUnavailableError`."""
        future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((customer_id, future))
        if self._reading is None:
            self._reading = asyncio.create_task(self._drain())
        return await future

    async def many(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        """Return the strings in the order of the ids, by a call of its own. Raises `StoreUnavailableError`."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._read(customer_ids)
        except TimeoutError:
            raise StoreUnavailableError(f"no answer within {self._timeout_seconds} s") from None

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
