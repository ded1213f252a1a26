"""Tells a worker to stop, and why."""

import asyncio


class StopSignal:
    """Set once, by a signal of the operating system or by the first error that only a person can fix."""

    def __init__(self) -> None:
        self._stopped = asyncio.Event()
        self.failure: Exception | None = None

    def stop(self) -> None:
        """Ask the worker to stop."""
        self._stopped.set()

    def fail(self, error: Exception) -> None:
        """Ask the worker to stop because of an error. The first error counts."""
        self.failure = self.failure or error
        self._stopped.set()

    @property
    def is_set(self) -> bool:
        """Whether the worker was asked to stop."""
        return self._stopped.is_set()

    async def wait(self) -> None:
        """Return once the worker was asked to stop."""
        await self._stopped.wait()
