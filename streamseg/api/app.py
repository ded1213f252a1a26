"""The API as one ASGI application."""

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from streamseg.api.http.access import Access, KeyRing
from streamseg.api.http.answers import Answer, Freshness
from streamseg.api.http.cors import open_to_pages
from streamseg.api.http.endpoint import keyed_route, on_failure, on_http_exception, on_problem
from streamseg.api.http.problems import Problem
from streamseg.api.http.rate_limits import RateLimits
from streamseg.api.http.request_metrics import RequestMetrics, RequestTimer
from streamseg.api.http.request_target import Utf8Targets, check_target
from streamseg.api.openapi import document as openapi
from streamseg.api.reads.batched_reads import BatchedReads
from streamseg.api.reads.catalogue_cache import CatalogueCache
from streamseg.api.reads.memberships import MembershipReads
from streamseg.api.reads.store_gauges import StoreGauges
from streamseg.api.routes import lookups, streams, widget
from streamseg.api.routes.audiences import Audiences
from streamseg.api.routes.event_intake import EventIntake
from streamseg.api.routes.explanations import Explanations
from streamseg.api.routes.health import Health
from streamseg.api.routes.ofrep import Ofrep
from streamseg.api.routes.openrtb import OpenRtb
from streamseg.api.routes.segment_list import SegmentList
from streamseg.api.routes.stream_limits import StreamLimits
from streamseg.errors import StoreUnavailableError
from streamseg.events.decode import Decoder
from streamseg.language import DEFAULT
from streamseg.language.actions import Action
from streamseg.logs import OutageLog
from streamseg.metrics import Metrics
from streamseg.ports import ApiKeyStore, ChangeNotices, EventSink, MembershipStore, ModelStore, TicketStore
from streamseg.service.explainer import Explainer
from streamseg.settings import ApiSettings
from streamseg.tasks import end

if TYPE_CHECKING:
    from streamseg.service.audience_desk import AudienceDesk

log = logging.getLogger(__name__)

REFRESH_SECONDS: Final = 2.0
"""How often keys and catalogue are read: a revoked key is refused after at most this time."""

LOOKUP_START, LOOKUP_END = lookups.PATH.split("{id:path}")


class Api:
    """The ASGI application. It answers single lookups itself; everything else goes through Starlette.

    Stores must raise `StoreUnavailableError` instead of waiting for ever.

    Args:
        settings: limits, timeouts and what is public.
        metrics: where requests, lookups and streams are counted.
        keys: the valid API keys, for all keyed routes.
        memberships: for lookups, explanations, OFREP, event streams and `/readyz`.
        ads_views: for OpenRTB.
        models: the segment catalogue.
        tickets: for event streams.
        notices: for event streams; wakes them after a write.
        sink: for `POST /v1/events`; writes to Kafka.
        decoder: for `POST /v1/events`; the decoder of the worker.
        explainer: for `/why`.
        audience_desk: makes what answers `/v1/audiences`, with the first such request.
        language: of segment texts, for readers who ask for none that there is.
        actions: the table of suggested actions.
    """

    def __init__(
        self,
        settings: ApiSettings,
        metrics: Metrics,
        *,
        keys: ApiKeyStore,
        memberships: MembershipStore,
        ads_views: MembershipStore,
        models: ModelStore,
        tickets: TicketStore,
        notices: ChangeNotices,
        sink: EventSink,
        decoder: Decoder,
        explainer: Explainer,
        audience_desk: "Callable[[], AudienceDesk]",
        language: str = DEFAULT,
        actions: Sequence[Action] = (),
    ) -> None:
        self._keys = keys
        self._ring = KeyRing()
        self._catalogue = catalogue = CatalogueCache(
            models, settings.public_segments, actions, public_audiences=settings.public_audiences
        )
        self._outages = [OutageLog(log, "the API", whom) for whom in ("its keys", "the segment catalogue", "probes")]
        self._metrics = RequestMetrics(metrics)
        self._gauges = StoreGauges(memberships, metrics)
        self._access = access = Access(
            self._ring,
            RateLimits(settings.requests_per_second, settings.requests_per_second_per_key),
            [secret.get_secret_value() for secret in settings.identity_secrets],
        )
        freshness = Freshness(settings.max_age_seconds, settings.stale_seconds)
        reads = BatchedReads(memberships.read, settings.store_timeout_seconds)
        ads_reads = BatchedReads(ads_views.read, settings.store_timeout_seconds)
        membership_reads = MembershipReads(reads, metrics)
        self._lookups = lookups.Lookups(membership_reads, access, catalogue, freshness=freshness, metrics=metrics)
        self._streams = streams.EventStreams(
            reads.one,
            tickets,
            notices,
            metrics,
            limits=StreamLimits(
                settings.streams_limit,
                per_key=settings.streams_per_key,
                per_customer=settings.streams_per_customer,
                per_ticket=settings.streams_per_ticket,
            ),
            heartbeat_seconds=settings.heartbeat_seconds,
        )
        self._health = Health(reads, self._ring)
        ofrep = Ofrep(
            membership_reads,
            access,
            catalogue,
            self._streams,
            inactivity_seconds=settings.streams_inactivity_seconds,
            public_url=settings.public_url,
        )
        openrtb = OpenRtb(
            ads_reads,
            access,
            catalogue,
            provider=settings.ads_provider,
            audiences=settings.iab_audiences,
            freshness=Freshness(0, 0),  # a withdrawn consent must take effect at once
        )
        events = EventIntake(sink, decoder, access, metrics, body_limit_bytes=settings.events_limit_bytes)
        audiences = Audiences(audience_desk)
        keyed = partial(keyed_route, access, settings.body_limit_bytes)
        routes = [
            *self._lookups.routes(keyed),
            *Explanations(membership_reads, explainer, audiences, language).routes(keyed),
            *audiences.routes(keyed),
            *SegmentList(catalogue, freshness=freshness, language=language).routes(keyed),
            *events.routes(keyed),
            *openrtb.routes(keyed),
            *ofrep.routes(keyed),
            *self._streams.routes(),
            *self._health.routes(),
            *widget.routes(),
            *openapi.routes(),
            Route("/metrics", self._metrics.expose),
        ]
        self._app = self._served(settings, routes)

    def _served(self, settings: ApiSettings, routes: list[Route]) -> ASGIApp:
        """Return the routes in Starlette, with CORS and request metrics around them."""
        app = Starlette(
            routes=routes,
            exception_handlers={Problem: on_problem, HTTPException: on_http_exception, Exception: on_failure},
            lifespan=lambda _: self.running(),
        )
        app.router.redirect_slashes = False  # it would redirect to the scheme and host of the connection to a proxy
        patterns = {route.endpoint: route.path for route in routes}
        answering = open_to_pages(Utf8Targets(app), settings.allowed_origins)
        return RequestTimer(answering, self._metrics, patterns, endless=[streams.PATTERN])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI 3.0."""
        if scope["type"] == "http" and scope["method"] == "GET":
            path: str = scope["path"]
            if path.startswith(LOOKUP_START) and path.endswith(LOOKUP_END):
                headers = dict(scope["headers"])
                if b"origin" not in headers:
                    started = perf_counter()
                    answer = await self._lookup(scope, path[len(LOOKUP_START) : -len(LOOKUP_END)], headers)
                    await answer.send(send)
                    self._metrics.observe(lookups.PATH, "GET", answer.status, perf_counter() - started)
                    return
        await self._app(scope, receive, send)

    async def _lookup(self, scope: Scope, customer_id: str, headers: dict[bytes, bytes]) -> Answer:
        try:
            check_target(scope)
            return await self._lookups.one(customer_id, self._access.admit(headers), headers)
        except Problem as problem:
            return problem.answer()

    async def ticket(self, customer_id: str, membership: bytes | None = None, key_id: str = "") -> str:
        """Return the path of an event stream for this customer, whose membership the caller has seen."""
        return await self._streams.ticket(customer_id, membership, key_id)

    def leave(self) -> None:
        """Answer 503 on `/readyz` from now on, so that load balancers choose other processes. All else is answered."""
        self._health.leave()

    def end_streams(self) -> None:
        """End all event streams before the process ends; their pages reconnect to another one."""
        self._streams.end()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep keys and catalogue current while the context is open.

        Objects that exist at the start are exempt from garbage collection: a full collection takes tens of
        milliseconds.
        """
        await self.refresh()
        refreshing = asyncio.create_task(self._keep_refreshing())
        gc.collect()
        gc.freeze()
        try:
            yield
        finally:
            gc.unfreeze()
            await end(refreshing)

    async def _keep_refreshing(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await self.refresh()

    async def refresh(self) -> None:
        """Read keys, catalogue and probes. What cannot be read stays as it was, and is logged."""
        reads = (self._read_keys(), self._catalogue.refresh(time.time()), self._gauges.refresh_probes())
        ends = await asyncio.gather(*reads, return_exceptions=True)
        for outage, error in zip(self._outages, ends, strict=True):
            if error is None:
                outage.over()
            else:
                outage.waits(error, traceback=not isinstance(error, StoreUnavailableError))

    async def _read_keys(self) -> None:
        keys = await self._keys.all()
        self._ring.replace(keys)
        self._gauges.show_expiry(keys)
