"""Login with a key of the console, and logout."""

import logging
from http import HTTPStatus
from math import ceil

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from streamseg.console.access.gate import Gate, read_form
from streamseg.console.routes.rendering import plain_text
from streamseg.console.routes.serving import Serving
from streamseg.console.texts import texts

log = logging.getLogger(__name__)


class Login:
    """The routes of login and logout."""

    def __init__(self, gate: Gate, serving: Serving) -> None:
        self._gate, self._serving = gate, serving

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
        return self._form(request)

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
        """End the session."""
        session = self._gate.session(request)
        response = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        if session is not None:
            await self._gate.form(request, session, "see")
            self._gate.forget(response)
        return response

    def _form(
        self, request: Request, wrong: str | None = None, status: HTTPStatus = HTTPStatus.OK, **facts: int
    ) -> Response:
        t = texts(self._serving.language(request))
        text = plain_text("login.html", t=t, wrong=t(wrong, **facts) if wrong else None)
        return HTMLResponse(text, status)
