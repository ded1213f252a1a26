"""What goes out: bytes with a validator, how long they may be kept, and how old the decision in them is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from starlette.responses import Response
from starlette.types import Send

JSON: Final = b"application/json"

VARY: Final = b"Authorization, X-API-Key, X-Streamseg-Hash"

_AS_OF: Final = re.compile(rb'"as_of":(\d+)')
"""Cannot match inside a JSON string: there the quotes would be escaped."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response before it is one of a framework."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: Mapping[bytes, bytes] = field(default_factory=dict)

    def response(self) -> Response:
        """For Starlette's routes."""
        response = Response(self.body, self.status)
        response.raw_headers = self._headers()
        return response

    def _headers(self) -> list[tuple[bytes, bytes]]:
        headers = [*self.headers.items()]
        if self.status != 304:  # noqa: PLR2004 - RFC 9110: a 304 has no content
            headers += [(b"content-type", self.content_type), (b"content-length", b"%d" % len(self.body))]
        return headers

    async def send(self, send: Send) -> None:
        """Straight to the ASGI server."""
        await send({"type": "http.response.start", "status": self.status, "headers": self._headers()})
        await send({"type": "http.response.body", "body": self.body})


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long a client may keep an answer, and use it while it asks anew (RFC 5861)."""

    max_age_seconds: int
    stale_seconds: int

    @property
    def header(self) -> bytes:
        """The value of Cache-Control. Never shared caches: an answer belongs to one customer."""
        return b"private, max-age=%d, stale-while-revalidate=%d" % (self.max_age_seconds, self.stale_seconds)


def etag(body: bytes) -> bytes:
    """Strong validator of the bytes."""
    return b'"%s"' % blake2b(body, digest_size=12).hexdigest().encode()


def as_of(membership: bytes) -> int | None:
    """The moment that a membership string holds for, read without parsing it."""
    found = _AS_OF.search(membership)
    return int(found[1]) if found else None


def age_headers(decided: int, now: float) -> dict[bytes, bytes]:
    """For when an answer holds, epoch seconds, and how many seconds ago that was."""
    return {b"streamseg-as-of": b"%d" % decided, b"streamseg-age": b"%d" % max(0, int(now) - decided)}


def answer_with(
    body: bytes,
    *,
    decided: int,
    now: float,
    cache_control: bytes,
    if_none_match: bytes | None = None,
    vary: bytes = VARY,
) -> Answer:
    """A 200, or a 304 when the client has these bytes already.

    Args:
        body: what to send, untouched.
        decided: epoch seconds for which the body holds.
        now: wall time.
        cache_control: how long it may be kept.
        if_none_match: the client's header, if it sent one.
        vary: the request headers that the body depends on.
    """
    tag = etag(body)
    headers = {b"etag": tag, b"cache-control": cache_control, b"vary": vary} | age_headers(decided, now)
    if if_none_match is not None and matches(if_none_match, tag):
        return Answer(304, b"", headers=headers)
    return Answer(200, body, headers=headers)


def matches(if_none_match: bytes, tag: bytes) -> bool:
    """Whether the header names the tag; the comparison is weak, as RFC 9110 wants it here."""
    return if_none_match == tag or any(
        each.strip().removeprefix(b"W/") in (tag, b"*") for each in if_none_match.split(b",")
    )
