"""Errors as problem details (RFC 9457) that name the field."""

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
    408: "Too slow",
    406: "Not acceptable",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid field",
    429: "Too many requests",
    500: "Internal error",
    503: "Store unavailable",
}


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """An answer that tells what was wrong.

    `field` is a parameter, a header or a path in the body; `more` are extension members.
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
        """The members of the problem document."""
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
        """The whole response."""
        return Answer(
            self.status,
            msgspec.json.encode(self.document()),
            content_type=CONTENT_TYPE,
            headers={b"cache-control": b"no-store"} | self.headers,
        )


def store_away(empty: Mapping[str, Any] | None = None) -> Problem:
    """The marked answer while the store is away: a problem that is at the same time the safe, empty answer."""
    return Problem(
        503,
        "the store does not answer; this answer is empty, not a statement about anyone",
        headers={b"retry-after": b"1", b"streamseg-unavailable": b"store"},
        more=empty,
    )


def json_object(body: bytes) -> dict[str, Any]:
    """The body as an object. Raises `Problem` 400."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise Problem(400, "the body is not JSON", field="body") from None
    if not isinstance(document, dict):
        raise Problem(422, "the body must be a JSON object", field="body")
    return document
