"""What the API tells Prometheus. No customer, no key and no path in any label: routes go by their pattern."""

from collections.abc import Callable, Collection, Mapping
from time import perf_counter
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamseg.metrics import Metrics

UNROUTED = "none"
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})


class Meters:
    """Times answers, and serves `/metrics`."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._children: dict[tuple[str, str, int], Histogram] = {}

    def observe(self, route: str, method: str, code: int, seconds: float) -> None:
        """Count one answer when it ends."""
        key = (route, method, code)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self.metrics.requests.labels(route, method, str(code))
        child.observe(seconds)

    async def expose(self, _: Request) -> Response:
        """`GET /metrics`."""
        return Response(generate_latest(self.metrics.registry), media_type=CONTENT_TYPE_LATEST)


class Timed:
    """ASGI middleware in front of the routes; `patterns` are their paths by endpoint, `endless` ones are not timed."""

    def __init__(
        self, app: ASGIApp, meters: Meters, patterns: Mapping[Callable[..., Any], str], endless: Collection[str] = ()
    ) -> None:
        self._app = app
        self._meters = meters
        self._patterns = patterns
        self._endless = frozenset(endless)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI 3.0."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, code = perf_counter(), 500

        async def seen(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, seen)
        finally:
            method = scope["method"] if scope["method"] in METHODS else UNROUTED
            pattern = self._patterns.get(scope.get("endpoint", _nowhere), UNROUTED)
            if pattern not in self._endless:
                self._meters.observe(pattern, method, code, perf_counter() - started)


def _nowhere() -> None:
    """Stands for the endpoint of a request that no route takes."""
