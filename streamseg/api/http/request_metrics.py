"""Measure requests for Prometheus. Labels hold the pattern of a route, never a path, a customer or a key."""

from collections.abc import Callable, Collection, Mapping
from time import perf_counter
from typing import Any

from prometheus_client import Histogram
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamseg.metrics import Metrics

UNROUTED = "none"
METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})


class RequestMetrics:
    """Records the time of each request, and serves `/metrics`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._children: dict[tuple[str, str, int], Histogram] = {}
        """`labels` takes longer than an observation: its result is kept."""

    def observe(self, route: str, method: str, code: int, seconds: float) -> None:
        """Record one finished request."""
        key = (route, method, code)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._metrics.requests.labels(route, method, str(code))
        child.observe(seconds)

    async def expose(self, request: Request) -> Response:
        """`GET /metrics`, as OpenMetrics or in Prometheus' text format: what the client accepts."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._metrics.registry), media_type=content_type)


class RequestTimer:
    """ASGI middleware that records the requests of an app.

    Args:
        app: the app to time.
        metrics: where times are recorded.
        patterns: path pattern by endpoint; other requests are recorded as `none`.
        endless: patterns of streams, which are not recorded.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: RequestMetrics,
        patterns: Mapping[Callable[..., Any], str],
        endless: Collection[str] = (),
    ) -> None:
        self._app = app
        self._metrics = metrics
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
            pattern = self._patterns.get(scope.get("endpoint", _no_endpoint), UNROUTED)
            if pattern not in self._endless:
                self._metrics.observe(pattern, method, code, perf_counter() - started)


def _no_endpoint() -> None:
    """Stands in for the endpoint of a request that matches no route."""
