"""Reading memberships for many requests at once, each within the timeout."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from streamseg.errors import StoreUnavailableError

Read: TypeAlias = Callable[[Sequence[str]], Awaitable[list[bytes | None]]]

TOGETHER_AT_MOST: Final = 500
"""Customers in one read: a few hundred microseconds of the store's time."""


class SharedReads:
    """Single lookups that come while a read is under way go together in the next one.

    Under load that is one MGET for many requests instead of a GET for each; alone, a request waits for nobody. No
    request waits longer than the timeout: when a read fails, those who wait for the next one fail with it.
    """

    def __init__(self, read: Read, timeout_seconds: float) -> None:
        self._read = read
        self._timeout_seconds = timeout_seconds
        self._waiting: list[tuple[str, asyncio.Future[bytes | None]]] = []
        self._reading: asyncio.Task[None] | None = None

    async def one(self, customer_id: str) -> bytes | None:
        """The customer's string. Raises `StoreUnavailableError`."""
        future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((customer_id, future))
        if self._reading is None:
            self._reading = asyncio.create_task(self._drain())
        return await future

    async def many(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        """The strings in the order asked. Raises `StoreUnavailableError`."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._read(customer_ids)
        except TimeoutError:
            raise StoreUnavailableError(f"no answer within {self._timeout_seconds} s") from None

    async def _drain(self) -> None:
        try:
            while self._waiting:
                taken, self._waiting = self._waiting[:TOGETHER_AT_MOST], self._waiting[TOGETHER_AT_MOST:]
                try:
                    found = await self.many([customer_id for customer_id, _ in taken])
                except Exception as error:  # noqa: BLE001 - it belongs to those who wait
                    for _, future in (*taken, *self._waiting):
                        if not future.done():
                            future.set_exception(error)
                    self._waiting.clear()
                    return
                for (_, future), value in zip(taken, found, strict=True):
                    if not future.done():
                        future.set_result(value)
        finally:
            self._reading = None
