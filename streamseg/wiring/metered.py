"""Measures every call to a store: number, duration and outcome, without a line in the stores."""

import inspect
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, TypeVar, cast

from streamseg.metrics import Metrics

Port = TypeVar("Port")


def metered(port: Port, name: str, metrics: Metrics) -> Port:
    """Return the port with each `async` call measured as the operation `<name>_<method>`, failed ones too."""
    return cast("Port", _Metered(port, name, metrics))


class _Metered:
    """Stands before a port. A method is wrapped when it is first asked for."""

    def __init__(self, port: object, name: str, metrics: Metrics) -> None:
        self._port = port
        self._name = name
        self._metrics = metrics

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._port, method)
        if inspect.iscoroutinefunction(found):
            found = self._timed(found, f"{self._name}_{method}")
        setattr(self, method, found)
        return found

    def _timed(self, call: Callable[..., Awaitable[Any]], operation: str) -> Callable[..., Awaitable[Any]]:
        observe = self._metrics.store_calls.labels(operation=operation).observe

        async def timed(*args: Any, **kwargs: Any) -> Any:
            started = perf_counter()
            try:
                return await call(*args, **kwargs)
            finally:
                observe(perf_counter() - started)

        return timed
