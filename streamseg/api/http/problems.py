"""Errors as problem details (RFC 9457) that name the field at fault."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from streamseg.api.http.answers import Answer

CONTENT_TYPE: Final = b"application/problem+json"

TITLES: Final = {
    400: "Malformed request",
    401: "Key needed",
    403: "Not yours",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "Too slow",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid field",
    429: "Too many requests",
    500: "Internal error",
    503: "Store unavailable",
}


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """An error response, raised by handlers.

    Args:
        status: HTTP status.
        detail: what is wrong, and what to do, in one line.
        field: the parameter, header or path in the body at fault.
        headers: further response headers.
        more: extension members of the problem document.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        field: str | None = None,
        headers: Mapping[bytes, bytes] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    def document(self) -> dict[str, Any]:
        """Return the members of the problem document."""
        members: dict[str, Any] = {
            "type": "about:blank",
            "title": TITLES.get(self.status, "Error"),
            "status": self.status,
            "detail": self.detail,
        }
        if self.field is not None:
            members["field"] = self.field
        return members | self.more

    def answer(self) -> Answer:
        """Return the whole response."""
        return Answer(
            self.status,
            msgspec.json.encode(self.document()),
            content_type=CONTENT_TYPE,
            headers={b"cache-control": b"no-store"} | self.headers,
        )


def store_unavailable(empty: Mapping[str, Any] | None = None) -> Problem:
    """Return the 503 for a store that does not answer.

    It is marked by the header `Streamseg-Unavailable`. `empty` adds the members of an empty answer, so that a client
    that ignores the status reads "no segments".
    """
    return Problem(
        503,
        "the store does not answer: this empty answer says nothing about any customer",
        headers={b"retry-after": b"1", b"streamseg-unavailable": b"store"},
        more=empty,
    )
