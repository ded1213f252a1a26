"""`GET /streamseg.js`: the script with the `<streamseg-slot>` element, for browsers."""

from importlib import resources
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streamseg.api.http.answers import Answer, etag, matches

CACHE_CONTROL: Final = b"public, max-age=3600, stale-while-revalidate=86400"


def routes() -> list[Route]:
    """Return the route. It needs no key: the script holds no data."""
    script = resources.files("streamseg.api.routes").joinpath("static", "streamseg.js").read_bytes()
    headers = {b"etag": etag(script), b"cache-control": CACHE_CONTROL, b"x-content-type-options": b"nosniff"}

    async def streamseg_js(request: Request) -> Response:
        given = request.headers.get("if-none-match")
        if given is not None and matches(given.encode("latin-1"), headers[b"etag"]):
            return Answer(304, b"", headers=headers).response()
        return Answer(200, script, content_type=b"text/javascript; charset=utf-8", headers=headers).response()

    return [Route("/streamseg.js", streamseg_js)]
