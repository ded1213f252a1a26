"""Stops a worker before or after any of its calls to servers."""

import asyncio
import inspect
from collections import Counter
from typing import Any

Point = tuple[str, int]
"""Before or after a call, and the how many-th of the name: timing changes what comes between two such calls."""


class Gate:
    """Every call of a worker to its servers goes through here. At the chosen one, before or after it took effect,
    the worker stops: this and every later call wait until it is opened again, if ever."""

    def __init__(self, stop_at: Point | None = None) -> None:
        self.stopped = asyncio.Event()
        self.passed: list[Point] = []
        self._times: Counter[str] = Counter()
        self._stop_at = stop_at
        self._open = asyncio.Event()

    async def passing(self, name: str) -> None:
        self._times[name] += 1
        self.passed.append((name, self._times[name]))
        if self.passed[-1] == self._stop_at:
            self.stopped.set()
        if self.stopped.is_set():
            await self._open.wait()

    def open(self) -> None:
        self._open.set()

    def around(self, inner: Any) -> Any:
        return _Guarded(inner, self)


class _Guarded:
    def __init__(self, inner: Any, gate: Gate) -> None:
        self._inner = inner
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if not inspect.iscoroutinefunction(method):
            return method

        async def call(*given: Any) -> Any:
            await self._gate.passing(f"before {name}")
            answer = await method(*given)
            await self._gate.passing(f"after {name}")
            return answer

        return call
