"""Read request bodies within limits of size and time."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.types import Receive

from streamseg.api.http.problems import Problem

BODY_SECONDS: Final = 10.0


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], limit_bytes: int) -> bytes:
    """Return the request's body.

    Compressed bodies are refused: their size after decompression is not known before.

    Args:
        receive: the ASGI channel.
        headers: of the request, by lower-case name.
        limit_bytes: the largest body that is accepted.

    Raises:
        Problem: 415 for a compressed body, 413 as soon as the body is known to be too large, 408 when it takes longer
            than `BODY_SECONDS`, 400 when the connection closes before its end or the body is not UTF-8.
    """
    if headers.get(b"content-encoding", b"identity").strip().lower() not in (b"identity", b""):
        raise Problem(
            415,
            "the body must not be compressed: send it without Content-Encoding",
            field="Content-Encoding",
            headers={b"accept-encoding": b"identity"},
        )
    declared_bytes = headers.get(b"content-length")
    if declared_bytes is not None and declared_bytes.isdigit() and int(declared_bytes) > limit_bytes:
        raise _too_large(limit_bytes)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _whole_body(receive, limit_bytes)
    except TimeoutError:
        raise Problem(408, f"the body did not arrive within {BODY_SECONDS:g} s", field="body") from None
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise Problem(400, f"the body is not UTF-8: see byte {error.start}", field="body") from None
    return body


def json_document(body: bytes) -> Any:
    """Return the JSON in a body of `read_body`. Raises `Problem` 400."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "the body is not JSON", field="body") from None


def json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body of `read_body`. Raises `Problem` 400 or 422."""
    document = json_document(body)
    if not isinstance(document, dict):
        raise Problem(422, "the body must be a JSON object", field="body")
    return document


async def _whole_body(receive: Receive, limit_bytes: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "the connection closed before the end of the body")
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > limit_bytes:
            raise _too_large(limit_bytes)
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)


def _too_large(limit_bytes: int) -> Problem:
    return Problem(413, f"the body may have at most {limit_bytes} bytes", field="body")
