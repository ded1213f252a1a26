"""Refuse paths and queries that are not UTF-8.

uvicorn would put U+FFFD in place of the wrong bytes, so that different customer ids would become the same.
"""

from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from streamseg.api.http.problems import Problem


def check_target(scope: Scope) -> None:
    """Raise `Problem` 400 when path or query are not UTF-8 after percent-decoding, or not ASCII before it."""
    path, query = scope.get("raw_path") or b"", scope["query_string"]
    for field, part in (("path", path), ("query", query)):
        if b"%" not in part and part.isascii():
            continue
        try:
            part.decode("ascii")
            unquote_to_bytes(part).decode()
        except UnicodeDecodeError:
            raise Problem(400, f"the {field} must be percent-encoded UTF-8", field=field) from None


class Utf8Targets:
    """ASGI middleware that answers 400 to requests that `check_target` refuses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI 3.0."""
        if scope["type"] == "http":
            try:
                check_target(scope)
            except Problem as problem:
                await problem.answer().send(send)
                return
        await self._app(scope, receive, send)
