"""`GET /openapi.json`: the whole document. Tests call every operation and compare the answers with it."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streamseg.api.http.answers import Answer
from streamseg.api.openapi.components import SCHEMAS, Schema
from streamseg.api.openapi.paths import PATHS

DOCUMENT: Final[Schema] = {
    "openapi": "3.1.0",
    "info": {
        "title": "streamseg",
        "version": "1",
        "description": "Current customer segments, for ad servers and widgets.",
    },
    "paths": PATHS,
    "security": [{"bearer": []}, {"apiKey": []}],
    "components": {
        "schemas": SCHEMAS,
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        },
    },
}


def routes() -> list[Route]:
    """Return the route. It needs no key."""
    body = msgspec.json.encode(DOCUMENT)

    async def openapi(_: Request) -> Response:
        return Answer(200, body, headers={b"cache-control": b"public, max-age=3600"}).response()

    return [Route("/openapi.json", openapi)]
