"""Login at an OpenID Connect provider: to it, and back."""

import logging
import time
from http import HTTPStatus
from math import ceil
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from streamseg.console.access.gate import Gate
from streamseg.console.access.openid.logins import LOGIN_SECONDS, OpenIdLogins
from streamseg.console.access.openid.refusals import LoginRefusedError, ProviderAwayError
from streamseg.console.routes.rendering import plain_text
from streamseg.console.routes.serving import Serving
from streamseg.console.texts import texts
from streamseg.ports import AuditEntry, AuditLog

log = logging.getLogger(__name__)

BEGIN: Final = "/login/openid"
RETURN: Final = "/login/openid/return"
"""Where the provider sends people back to; its address is told to the provider beforehand."""
COOKIE: Final = "streamseg-console-login"
SECURE_COOKIE: Final = f"__Host-{COOKIE}"


class OpenIdLogin:
    """The routes of a login at the provider."""

    def __init__(self, gate: Gate, logins: OpenIdLogins, serving: Serving, audit: AuditLog, *, secure: bool) -> None:
        self._gate, self._logins, self._serving, self._audit = gate, logins, serving, audit
        self._secure = secure

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [Route(BEGIN, self.begin, methods=["GET"]), Route(RETURN, self.finish, methods=["GET"])]

    async def begin(self, request: Request) -> Response:
        """Send the browser to the provider, and let it remember which login this is."""
        try:
            address, cookie = await self._logins.begin()
        except (ProviderAwayError, LoginRefusedError) as error:
            log.warning("nobody can log in at the provider: %s", error)
            return self._said(request, "away", HTTPStatus.SERVICE_UNAVAILABLE)
        response = RedirectResponse(address, HTTPStatus.SEE_OTHER)
        # Lax: the way back begins at the provider, and a browser sends no strict cookie with it.
        response.set_cookie(
            self._cookie, cookie, max_age=LOGIN_SECONDS, path="/", secure=self._secure, httponly=True, samesite="lax"
        )
        return response

    async def finish(self, request: Request) -> Response:
        """Begin a session for whom the provider vouches, or say why not, and write that into the audit log."""
        wait = self._gate.wait(request)
        if wait > 0:
            response = self._said(request, "wait", HTTPStatus.TOO_MANY_REQUESTS)
            response.headers["Retry-After"] = str(ceil(wait))
            return response
        try:
            person = await self._logins.finish(dict(request.query_params), request.cookies.get(self._cookie, ""))
        except ProviderAwayError as error:
            log.warning("a login at the provider did not end: %s", error)
            response = self._said(request, "away", HTTPStatus.SERVICE_UNAVAILABLE)
        except LoginRefusedError as error:
            log.warning("a login at the provider is refused: %s", error)
            entry = AuditEntry(time.time(), "", "", "", "refuse login", error.reason, None, error.detail)
            await self._audit.append(entry)
            response = self._said(request, error.reason, HTTPStatus.FORBIDDEN)
        else:
            session = self._gate.welcome(person, self._logins.session_seconds)
            log.info("%s (%s, %s) has logged in at the provider", session.name, session.key_id, session.role)
            response = self._page(request, "welcome.html", HTTPStatus.OK)
            self._gate.remember(response, session)
        response.delete_cookie(self._cookie, path="/", secure=self._secure, httponly=True, samesite="lax")
        return response

    def _said(self, request: Request, reason: str, status: HTTPStatus) -> Response:
        return self._page(request, "login_refused.html", status, reason=reason, provider=self._logins.name)

    def _page(self, request: Request, template: str, status: HTTPStatus, **facts: str) -> Response:
        t = texts(self._serving.language(request))
        return HTMLResponse(plain_text(template, t=t, **facts), status)

    @property
    def _cookie(self) -> str:
        return SECURE_COOKIE if self._secure else COOKIE
