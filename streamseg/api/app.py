"""The API as one ASGI application, put together from its collaborators."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from streamseg.api.access import Access, Caller, KeyRing
from streamseg.api.answers import Answer, Freshness
from streamseg.api.catalogue import Catalogue
from streamseg.api.health import Health
from streamseg.api.limits import Limits, read_body
from streamseg.api.lookups import Lookups
from streamseg.api.problems import Problem
from streamseg.api.reads import SharedReads
from streamseg.errors import StoreUnavailableError
from streamseg.ports import ApiKeyStore, MembershipStore, ModelStore
from streamseg.settings import ApiSettings

REFRESH_SECONDS: Final = 2.0
"""How often keys and catalogue are read anew: a revoked key is refused within this time."""

LOOKUP_START: Final = "/v1/customers/"
LOOKUP_END: Final = "/segments"

CORS_HEADERS: Final = ("Authorization", "Content-Type", "If-None-Match", "X-API-Key", "X-Streamseg-Hash")
CORS_EXPOSED: Final = ("ETag", "Retry-After", "Streamseg-As-Of", "Streamseg-Age", "Streamseg-Unavailable")

Handler = Callable[[Request, Caller], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Collaborators:
    """What the API needs of others. The stores answer, or raise, within `settings.store_timeout_seconds`."""

    settings: ApiSettings
    memberships: MembershipStore
    models: ModelStore
    keys: ApiKeyStore


class Api:
    """The ASGI application. Single lookups take the short way; everything else goes through Starlette's routes."""

    def __init__(self, others: Collaborators) -> None:
        settings = others.settings
        self._keys = others.keys
        self._ring = KeyRing()
        self._catalogue = Catalogue(others.models, settings.public_segments)
        self._access = Access(
            self._ring,
            Limits(settings.requests_per_second, settings.requests_per_second_per_key),
            [secret.get_secret_value() for secret in settings.identity_secrets],
        )
        reads = SharedReads(others.memberships.read, settings.store_timeout_seconds)
        freshness = Freshness(settings.max_age_seconds, settings.stale_seconds)
        self._lookups = Lookups(reads, self._access, self._catalogue, freshness)
        self._health = Health(reads, self._ring)
        self._body_limit = settings.body_limit_bytes
        routes = Starlette(
            routes=self._routes(),
            exception_handlers={Problem: _problem, HTTPException: _http_exception, Exception: _failure},
            lifespan=lambda _: self.running(),
        )
        self._app: ASGIApp = CORSMiddleware(
            routes,
            allow_origins=settings.allowed_origins,
            allow_methods=("GET", "POST"),
            allow_headers=CORS_HEADERS,
            expose_headers=CORS_EXPOSED,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI 3.0."""
        if scope["type"] == "http" and scope["method"] == "GET":
            path: str = scope["path"]
            if path.startswith(LOOKUP_START) and path.endswith(LOOKUP_END):
                headers = dict(scope["headers"])
                if b"origin" not in headers:
                    answer = await self._lookup(path[len(LOOKUP_START) : -len(LOOKUP_END)], headers)
                    await answer.send(send)
                    return
        await self._app(scope, receive, send)

    async def _lookup(self, customer_id: str, headers: dict[bytes, bytes]) -> Answer:
        try:
            return await self._lookups.one(customer_id, self._access.admit(headers), headers)
        except Problem as problem:
            return problem.answer()

    def _routes(self) -> list[Route]:
        async def one(request: Request, caller: Caller) -> Answer:
            return await self._lookups.one(request.path_params["id"], caller, dict(request.scope["headers"]))

        async def many(request: Request, caller: Caller) -> Answer:
            return await self._lookups.many(await self._body(request), caller)

        async def segments(request: Request, caller: Caller) -> Answer:
            return self._lookups.segments(caller, dict(request.scope["headers"]))

        return [
            self._route("/v1/customers/{id:path}/segments", one, "GET"),
            self._route("/v1/segments:batchGet", many, "POST"),
            self._route("/v1/segments", segments, "GET"),
            Route("/livez", self._health.live),
            Route("/readyz", self._health.ready),
        ]

    def _route(self, path: str, handler: Handler, method: str) -> Route:
        async def endpoint(request: Request) -> Response:
            return (await handler(request, self._access.admit(dict(request.scope["headers"])))).response()

        return Route(path, endpoint, methods=[method])

    async def _body(self, request: Request) -> bytes:
        return await read_body(request.receive, dict(request.scope["headers"]).get(b"content-length"), self._body_limit)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep keys and catalogue current.

        What is alive at the start is taken out of the garbage collector's rounds: they cost tens of milliseconds.
        """
        await self._refresh()
        refreshing = asyncio.create_task(self._keep_refreshing())
        gc.collect()
        gc.freeze()
        try:
            yield
        finally:
            refreshing.cancel()
            gc.unfreeze()

    async def _keep_refreshing(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await self._refresh()

    async def _refresh(self) -> None:
        await self._catalogue.refresh(time.time())
        try:
            self._ring.replace(await self._keys.all())
        except StoreUnavailableError:
            return


async def _problem(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return problem.answer().response()


async def _http_exception(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = {name.lower().encode(): value.encode() for name, value in (error.headers or {}).items()}
    return Problem(error.status_code, error.detail, headers=headers).answer().response()


async def _failure(_: Request, __: Exception) -> Response:
    return Problem(500, "something went wrong here, not with the request").answer().response()
