"""Login with a key of the console, and logout."""

import logging
from contextlib import suppress
from http import HTTPStatus
from math import ceil
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from streamseg.console.access.gate import Gate, read_form
from streamseg.console.access.openid.logins import OpenIdLogins
from streamseg.console.access.openid.refusals import LoginRefusedError, ProviderAwayError
from streamseg.console.access.sessions import OPENID
from streamseg.console.routes.rendering import plain_text
from streamseg.console.routes.serving import Serving
from streamseg.console.texts import texts

log = logging.getLogger(__name__)

LEFT: Final = "left"
"""Parameter of the login page after a logout of somebody who had logged in at the provider."""


class Login:
    """The routes of login and logout. `openid` are the logins at a provider, None without one."""

    def __init__(self, gate: Gate, serving: Serving, openid: OpenIdLogins | None) -> None:
        self._gate, self._serving, self._openid = gate, serving, openid

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/login", self.show, methods=["GET"]),
            Route("/login", self.log_in, methods=["POST"]),
            Route("/logout", self.log_out, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the form."""
        if self._gate.session(request) is not None:
            return RedirectResponse("/", HTTPStatus.SEE_OTHER)
        leaving = None
        if self._openid is not None and LEFT in request.query_params:
            with suppress(ProviderAwayError, LoginRefusedError):
                leaving = await self._openid.leaving()
        return self._form(request, leaving=leaving)

    async def log_in(self, request: Request) -> Response:
        """Begin a session, or say why not."""
        wait = self._gate.wait(request)
        if wait > 0:
            seconds = max(1, ceil(wait))
            response = self._form(request, "login.wait", HTTPStatus.TOO_MANY_REQUESTS, count=seconds)
            response.headers["Retry-After"] = str(seconds)
            return response
        session = self._gate.log_in((await read_form(request)).get("key", ""))
        if session is None:
            log.warning("an attempt to log in with a key that is unknown, revoked or expired")
            return self._form(request, "login.wrong", HTTPStatus.FORBIDDEN)
        log.info("%s (%s, %s) has logged in", session.name, session.key_id, session.role)
        response = RedirectResponse("/", HTTPStatus.SEE_OTHER)
        self._gate.remember(response, session)
        return response

    async def log_out(self, request: Request) -> Response:
        """End the session. After a login at the provider, the next page offers to log out there too."""
        session = self._gate.session(request)
        at_provider = session is not None and session.key_id.startswith(OPENID)
        response = RedirectResponse(f"/login?{LEFT}" if at_provider else "/login", HTTPStatus.SEE_OTHER)
        if session is not None:
            await self._gate.form(request, session, "see")
            self._gate.forget(response)
        return response

    def _form(
        self,
        request: Request,
        wrong: str | None = None,
        status: HTTPStatus = HTTPStatus.OK,
        leaving: str | None = None,
        **facts: int,
    ) -> Response:
        t = texts(self._serving.language(request))
        said = t(wrong, **facts) if wrong else None
        provider = self._openid.name if self._openid is not None else None
        text = plain_text("login.html", t=t, wrong=said, provider=provider, leaving=leaving)
        return HTMLResponse(text, status)
