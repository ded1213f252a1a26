"""The API as one ASGI application, put together from its collaborators."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from streamseg.api.http.access import Access, KeyRing
from streamseg.api.http.answers import Answer, Freshness
from streamseg.api.http.endpoint import Ask, Handler, asked, on_failure, on_http_exception, on_problem
from streamseg.api.http.limits import Limits
from streamseg.api.http.problems import Problem
from streamseg.api.http.request_metrics import Meters, Timed
from streamseg.api.openapi import document as openapi
from streamseg.api.routes import widget
from streamseg.api.routes.event_intake import EventsIn
from streamseg.api.routes.explanations import Why
from streamseg.api.routes.health import Health
from streamseg.api.routes.known_segments import Catalogue
from streamseg.api.routes.lookups import Lookups
from streamseg.api.routes.ofrep import Ofrep
from streamseg.api.routes.openrtb import OpenRtb
from streamseg.api.routes.shared_reads import SharedReads
from streamseg.api.routes.streams import PATH, Push
from streamseg.errors import StoreUnavailableError
from streamseg.events.decode import Decoder
from streamseg.metrics import Metrics
from streamseg.ports import ApiKeyStore, ChangeNotices, EventSink, MembershipStore, ModelStore, StateStore, TicketStore
from streamseg.settings import ApiSettings

if TYPE_CHECKING:
    from streamseg.features.layout import Layout

REFRESH_SECONDS: Final = 2.0
"""How often keys and catalogue are read anew: a revoked key is refused within this time."""

LOOKUP: Final = "/v1/customers/{id:path}/segments"
LOOKUP_START, LOOKUP_END = LOOKUP.split("{id:path}")

CORS_HEADERS: Final = ("Authorization", "Content-Type", "If-None-Match", "X-API-Key", "X-Streamseg-Hash")
CORS_EXPOSED: Final = ("ETag", "Retry-After", "Streamseg-As-Of", "Streamseg-Age", "Streamseg-Unavailable")


@dataclass(frozen=True, slots=True)
class Collaborators:
    """What the API needs of others. Stores must raise `StoreUnavailableError` rather than wait for ever."""

    settings: ApiSettings
    state: StateStore
    memberships: MembershipStore
    models: ModelStore
    ads_views: MembershipStore
    keys: ApiKeyStore
    tickets: TicketStore
    notices: ChangeNotices
    sink: EventSink
    decoder: Decoder
    metrics: Metrics
    layout: Callable[[], Awaitable["Layout"]]
    """Called when first needed, in a thread."""
    partition_of: Callable[[str, int], int]
    """The partition of a customer, of so many."""


class Api:
    """The ASGI application. Single lookups take the short way; everything else goes through Starlette's routes."""

    def __init__(self, others: Collaborators) -> None:
        self._settings = settings = others.settings
        self._keys = others.keys
        self._ring = KeyRing()
        self._catalogue = Catalogue(others.models, settings.public_segments)
        self._meters = Meters(others.metrics)
        self._access = Access(
            self._ring,
            Limits(settings.requests_per_second, settings.requests_per_second_per_key),
            [secret.get_secret_value() for secret in settings.identity_secrets],
        )
        reads = SharedReads(others.memberships.read, settings.store_timeout_seconds)
        freshness = Freshness(settings.max_age_seconds, settings.stale_seconds)
        self._lookups = Lookups(reads, self._access, self._catalogue, freshness=freshness, meters=self._meters)
        self._events = EventsIn(others.sink, others.decoder, self._access, self._meters)
        self._push = Push(
            reads.one,
            others.tickets,
            others.notices,
            self._meters,
            limit=settings.streams_limit,
            heartbeat_seconds=settings.heartbeat_seconds,
        )
        self._why = Why(self._lookups, others.state, others.models, others.layout, others.partition_of)
        self._ofrep = Ofrep(self._lookups, self._access, self._catalogue, self._push, public_url=settings.public_url)
        self._openrtb = OpenRtb(
            SharedReads(others.ads_views.read, settings.store_timeout_seconds),
            self._access,
            self._catalogue,
            provider=settings.ads_provider,
            audiences=settings.iab_audiences,
            cache_control=freshness.header,
        )
        routes = [*self._routes(), *Health(reads, self._ring).routes(), Route("/metrics", self._meters.expose)]
        routes += [Route(PATH + "{ticket}", self._push.open), *widget.routes(), *openapi.routes()]
        starlette = Starlette(
            routes=routes,
            exception_handlers={Problem: on_problem, HTTPException: on_http_exception, Exception: on_failure},
            lifespan=lambda _: self.running(),
        )
        open_to_pages = CORSMiddleware(
            starlette,
            allow_origins=settings.allowed_origins,
            allow_methods=("GET", "POST"),
            allow_headers=CORS_HEADERS,
            expose_headers=CORS_EXPOSED,
        )
        patterns = {route.endpoint: route.path for route in routes}
        self._app: ASGIApp = Timed(open_to_pages, self._meters, patterns, endless=[PATH + "{ticket}"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI 3.0."""
        if scope["type"] == "http" and scope["method"] == "GET":
            path: str = scope["path"]
            if path.startswith(LOOKUP_START) and path.endswith(LOOKUP_END):
                headers = dict(scope["headers"])
                if b"origin" not in headers:
                    started = perf_counter()
                    answer = await self._lookup(path[len(LOOKUP_START) : -len(LOOKUP_END)], headers)
                    await answer.send(send)
                    self._meters.observe(LOOKUP, "GET", answer.status, perf_counter() - started)
                    return
        await self._app(scope, receive, send)

    async def _lookup(self, customer_id: str, headers: dict[bytes, bytes]) -> Answer:
        try:
            return await self._lookups.one(customer_id, self._access.admit(headers), headers)
        except Problem as problem:
            return problem.answer()

    def _routes(self) -> list[Route]:
        async def one(ask: Ask) -> Answer:
            return await self._lookups.one(ask.path("id"), ask.caller, ask.headers)

        async def many(ask: Ask) -> Answer:
            return await self._lookups.many(await ask.body(), ask.caller)

        async def segments(ask: Ask) -> Answer:
            return self._lookups.segments(ask.caller, ask.headers)

        async def events(ask: Ask) -> Answer:
            return await self._events.receive(await ask.body(self._settings.events_limit_bytes), ask.caller)

        table: list[tuple[str, str, Handler]] = [
            ("GET", LOOKUP, one),
            ("GET", "/v1/customers/{id:path}/why", self._why.customer),
            ("POST", "/v1/segments:batchGet", many),
            ("GET", "/v1/segments", segments),
            ("POST", "/v1/events", events),
            ("GET", "/v1/openrtb/user", self._openrtb.user),
            ("POST", "/ofrep/v1/evaluate/flags", self._ofrep.bulk),
            ("POST", "/ofrep/v1/evaluate/flags/{key:path}", self._ofrep.one),
        ]
        limit = self._settings.body_limit_bytes
        return [asked(self._access, limit, method, path, handler) for method, path, handler in table]

    async def ticket(self, customer_id: str, membership: bytes | None = None) -> str:
        """The path of an event stream for this customer, whose membership the caller has seen."""
        return await self._push.ticket(customer_id, membership)

    def end_streams(self) -> None:
        """Let pages reconnect to another process: this one is about to end."""
        self._push.end()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep keys and catalogue current.

        What is alive at the start is taken out of the garbage collector's rounds: they cost tens of milliseconds.
        """
        await self._refresh()
        async with AsyncExitStack() as stack:
            refreshing = asyncio.create_task(self._keep_refreshing())
            stack.push_async_callback(_end, refreshing)
            gc.collect()
            gc.freeze()
            stack.callback(gc.unfreeze)
            yield

    async def _keep_refreshing(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await self._refresh()

    async def _refresh(self) -> None:
        await self._catalogue.refresh(time.time())
        with suppress(StoreUnavailableError):
            self._ring.replace(await self._keys.all())


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
