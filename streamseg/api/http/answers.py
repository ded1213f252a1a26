"""Responses with validators, cache lifetimes, and the age of the decision in them."""

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
"""Never matches inside a JSON string, where the quotes would be escaped."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that is independent of Starlette, so that single lookups can be sent without it."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: Mapping[bytes, bytes] = field(default_factory=dict)

    def response(self) -> Response:
        """Return the same as a Starlette response."""
        response = Response(self.body, self.status)
        response.raw_headers = self._headers()
        return response

    def _headers(self) -> list[tuple[bytes, bytes]]:
        headers = [*self.headers.items()]
        if self.status != 304:  # noqa: PLR2004 - RFC 9110: a 304 has no content
            headers += [(b"content-type", self.content_type), (b"content-length", b"%d" % len(self.body))]
        return headers

    async def send(self, send: Send) -> None:
        """Send it to the ASGI server directly."""
        await send({"type": "http.response.start", "status": self.status, "headers": self._headers()})
        await send({"type": "http.response.body", "body": self.body})


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long a client may use an answer, and use it further while it asks again (RFC 5861), in seconds.

    Both 0: it must ask again each time, with the ETag.
    """

    max_age_seconds: int
    stale_seconds: int

    @property
    def header(self) -> bytes:
        """The value of Cache-Control. Private: an answer is about one customer, so shared caches must not keep it."""
        if not self.max_age_seconds and not self.stale_seconds:
            return b"private, no-cache"
        return b"private, max-age=%d, stale-while-revalidate=%d" % (self.max_age_seconds, self.stale_seconds)


def etag(body: bytes) -> bytes:
    """Return a strong validator of the bytes."""
    return b'"%s"' % blake2b(body, digest_size=12).hexdigest().encode()


def as_of(membership: bytes) -> int | None:
    """Return the `as_of` of a membership string (epoch seconds), without parsing the JSON."""
    found = _AS_OF.search(membership)
    return int(found[1]) if found else None


def age_headers(decided: int, now: float) -> dict[bytes, bytes]:
    """Return the headers for the moment of the decision (epoch seconds) and its age (seconds)."""
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
    """Return a 200, or a 304 when the client already has these bytes.

    Args:
        body: the bytes to send, unchanged.
        decided: moment of the decision in the body, epoch seconds.
        now: wall time, epoch seconds.
        cache_control: value of Cache-Control.
        if_none_match: the client's If-None-Match, if sent.
        vary: the request headers that the body depends on.
    """
    tag = etag(body)
    headers = {b"etag": tag, b"cache-control": cache_control, b"vary": vary} | age_headers(decided, now)
    if if_none_match is not None and matches(if_none_match, tag):
        return Answer(304, b"", headers=headers)
    return Answer(200, body, headers=headers)


def matches(if_none_match: bytes, tag: bytes) -> bool:
    """Return whether If-None-Match names the tag. The comparison is weak (RFC 9110, 13.1.2)."""
    return if_none_match == tag or any(
        each.strip().removeprefix(b"W/") in (tag, b"*") for each in if_none_match.split(b",")
    )
