"""Lets people in by their key, recognises their session, and refuses forged requests."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from streamseg.console.access.login_limits import LoginLimits
from streamseg.console.access.openid.people import Person
from streamseg.console.access.roles import Right, may
from streamseg.console.access.sessions import OPENID, Session, Signer, new_session
from streamseg.ports import ApiKey
from streamseg.service.key_issuing import digest

COOKIE: Final = "streamseg-console"
SECURE_COOKIE: Final = "__Host-streamseg-console"
"""Browsers take a cookie of such a name over TLS only, and from this host alone."""
TOKEN_FIELD: Final = "token"  # noqa: S105 - the name of a field
FORM_BYTES: Final = 16_384
LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})


class Gate:
    """Who may come in.

    Args:
        signer: signs sessions.
        secure: whether browsers reach the console over TLS.
        demo: everybody on this machine comes in without a key, as the role `demo`.
        openid: whether sessions of logins at a provider hold.
        clock: wall time, epoch seconds.
    """

    def __init__(
        self,
        signer: Signer,
        *,
        secure: bool,
        demo: bool = False,
        openid: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._signer, self._secure, self._openid, self._clock = signer, secure, openid, clock
        self._demo = new_session("", "demo", "demo", clock()) if demo else None
        self._limits = LoginLimits()
        self._by_digest: dict[str, ApiKey] = {}
        self._ids: frozenset[str] = frozenset()
        self.loaded = False
        """Whether the keys were read at least once."""

    def replace(self, keys: Iterable[ApiKey]) -> None:
        """Replace all keys. Sessions of a key that is not among them end."""
        keys = [key for key in keys if key.kind == "console" and key.role is not None]
        self._by_digest = {key.digest: key for key in keys}
        self._ids = frozenset(key.id for key in keys if key.is_valid(self._clock()))
        self.loaded = True

    def session(self, request: Request) -> Session | None:
        """Return the session of a request, None without a valid one.

        Raises `HTTPException` 421 in the demo, when the request is for another host than this machine: a page of a
        foreign site whose name was made to point here would otherwise be let in.
        """
        if self._demo is not None:
            host = request.headers.get("host", "")
            if host.rpartition(":")[0] not in LOCAL_HOSTS and host not in LOCAL_HOSTS:
                raise HTTPException(421)
            return self._demo
        session = self._signer.open(request.cookies.get(self._cookie, ""), self._clock())
        return session if session is not None and self._is_known(session) else None

    def is_valid(self, session: Session) -> bool:
        """Return whether a session still holds: not over, and its key neither revoked nor expired."""
        return session is self._demo or (self._clock() < session.expires and self._is_known(session))

    def wait(self, request: Request) -> float:
        """Count an attempt to log in. Return the seconds until the next one may be made, 0 for now."""
        return self._limits.wait(request.client.host if request.client else "")

    def log_in(self, key: str) -> Session | None:
        """Return a new session for a valid key of the console, else None."""
        found = self._by_digest.get(digest(key.strip()))
        if found is None or found.role is None or not found.is_valid(self._clock()):
            return None
        return new_session(found.id, found.name, found.role, self._clock())

    def welcome(self, person: Person, seconds: int) -> Session:
        """Return a new session of somebody whom the provider vouches for."""
        return new_session(f"{OPENID}{person.subject}", person.name, person.role, self._clock(), seconds)

    def remember(self, response: Response, session: Session) -> None:
        """Set the cookie of a session."""
        response.set_cookie(
            self._cookie,
            self._signer.seal(session),
            max_age=max(0, session.expires - int(self._clock())),
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )

    def forget(self, response: Response) -> None:
        """Delete the cookie."""
        response.delete_cookie(self._cookie, path="/", secure=self._secure, httponly=True, samesite="strict")

    def token(self, session: Session) -> str:
        """Return what forms of this session send to prove that they are ours."""
        return self._signer.token(session)

    async def form(
        self, request: Request, session: Session, right: Right, most_bytes: int = FORM_BYTES
    ) -> dict[str, str]:
        """Return the fields of a form that this session may send. Raises `HTTPException` 403 or 413."""
        fields = await read_form(request, most_bytes)
        if not self._signer.is_token(session, fields.pop(TOKEN_FIELD, "")):
            raise HTTPException(403)
        if not may(session.role, right):
            raise HTTPException(403)
        return fields

    def _is_known(self, session: Session) -> bool:
        return session.key_id in self._ids or (self._openid and session.key_id.startswith(OPENID))

    @property
    def _cookie(self) -> str:
        return SECURE_COOKIE if self._secure else COOKIE


async def read_form(request: Request, most_bytes: int = FORM_BYTES) -> dict[str, str]:
    """Return the fields of a form from a page of ours.

    Raises `HTTPException` 403 when another site's page sent it, 413 when it is too large.
    """
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise HTTPException(403)
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise HTTPException(403)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > most_bytes:
            raise HTTPException(413)
    if len(body) > FORM_BYTES:
        return await asyncio.to_thread(_fields, body)
    return _fields(body)


def _fields(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
