"""The console as one ASGI application."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from streamseg.console.access.gate import Gate
from streamseg.console.access.openid.logins import OpenIdLogins
from streamseg.console.access.security_headers import SecurityHeaders
from streamseg.console.charts import drawing
from streamseg.console.reads.facts import Facts
from streamseg.console.reads.kept import StillReadingError
from streamseg.console.routes.building import Building
from streamseg.console.routes.changing import Changing
from streamseg.console.routes.erasing import Erasing
from streamseg.console.routes.fixed import Fixed
from streamseg.console.routes.login import Login
from streamseg.console.routes.openid import OpenIdLogin
from streamseg.console.routes.promoting import Promoting
from streamseg.console.routes.rendering import plain_text
from streamseg.console.routes.serving import Serving
from streamseg.console.routes.trying import Trying
from streamseg.console.routes.uploading import Uploading
from streamseg.console.texts import texts
from streamseg.errors import ServerUnavailableError
from streamseg.language.actions import Action
from streamseg.logs import OutageLog
from streamseg.ports import ApiKeyStore, AuditLog, EventSink
from streamseg.service.audience_desk import AudienceDesk
from streamseg.service.list_desk import ListDesk
from streamseg.tasks import end

log = logging.getLogger(__name__)

REFRESH_SECONDS: Final = 2.0
"""How often keys are read: a session ends at most this after its key was revoked."""


class Console:
    """The pages. Stateless: sessions are in cookies, all else in the stores.

    Args:
        facts: what pages read.
        gate: who may come in.
        keys: the keys of the console.
        audit: where changes are written down.
        sink: takes requests to erase customers.
        desk: previews, declares and drops audiences.
        lists: uploads and drops lists.
        language: of readers who ask for none that there is.
        actions: the table of suggested actions.
        streams_limit: pages that are kept up to date at the same time.
        secure: whether browsers reach the console over TLS.
        openid: logins at a provider; None without one.
    """

    def __init__(
        self,
        facts: Facts,
        gate: Gate,
        keys: ApiKeyStore,
        audit: AuditLog,
        sink: EventSink,
        *,
        desk: AudienceDesk,
        lists: ListDesk,
        language: str,
        actions: tuple[Action, ...],
        streams_limit: int,
        secure: bool,
        openid: OpenIdLogins | None = None,
    ) -> None:
        self._gate, self._keys = gate, keys
        self._serving = Serving(facts, gate, language=language, actions=actions, streams_limit=streams_limit)
        self._fixed = Fixed(lambda: gate.loaded)
        self._outage = OutageLog(log, "the console", "its keys")
        app = Starlette(
            routes=[
                *self._fixed.routes(),
                *Login(gate, self._serving, openid).routes(),
                *(OpenIdLogin(gate, openid, self._serving, audit, secure=secure).routes() if openid else ()),
                *Changing(facts, gate, audit).routes(),
                *Promoting(facts, gate, audit).routes(),
                *Erasing(facts, gate, audit, sink).routes(),
                *Building(facts, gate, desk, self._serving).routes(),
                *Trying(facts, gate, audit).routes(),
                *Uploading(facts, gate, lists, self._serving).routes(),
                *self._serving.routes(),
            ],
            exception_handlers={
                HTTPException: self._on_refusal,
                ServerUnavailableError: self._on_outage,
                StillReadingError: self._on_outage,
                Exception: self._on_failure,
            },
            lifespan=lambda _: self.running(),
        )
        app.router.redirect_slashes = False
        self._app = SecurityHeaders(app, secure=secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI 3.0."""
        await self._app(scope, receive, send)

    def leave(self) -> None:
        """Answer 503 on `/readyz` from now on."""
        self._fixed.leave()

    def end_streams(self) -> None:
        """End all streams of changes; their pages connect to another process."""
        self._serving.end_streams()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the keys current, and have the scripts of charts ready, while the context is open."""
        await self.refresh()
        drawn = asyncio.create_task(drawing.scripts())  # takes two seconds of CPU, in a process of its own
        drawn.add_done_callback(lambda task: task.cancelled() or task.exception())
        refreshing = asyncio.create_task(self._keep_refreshing())
        try:
            yield
        finally:
            await end(refreshing)

    async def refresh(self) -> None:
        """Read the keys. Where that is not possible they stay as they were, and it is logged."""
        try:
            self._gate.replace(await self._keys.all())
        except ServerUnavailableError as error:
            self._outage.waits(error)
        else:
            self._outage.over()

    async def _keep_refreshing(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await self.refresh()

    async def _on_refusal(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return self._said(request, error.status_code, dict(error.headers or {}))

    async def _on_outage(self, request: Request, _: Exception) -> Response:
        return self._said(request, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "2"})

    async def _on_failure(self, request: Request, _: Exception) -> Response:
        return self._said(request, HTTPStatus.INTERNAL_SERVER_ERROR, {})

    def _said(self, request: Request, status: int, headers: dict[str, str]) -> Response:
        t = texts(self._serving.language(request))
        key = str(status) if status in {403, 404, 503} else "other"
        text = plain_text("refused.html", t=t, title=t(f"refused.title_{key}"), said=t(f"refused.said_{key}"))
        return HTMLResponse(text, status, headers)
