"""What is the same for everybody: styles and scripts, and the probes of orchestrators."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from streamseg.console.charts import drawing
from streamseg.console.routes.rendering import asset_bytes

TYPES: Final = {
    "console.css": "text/css",
    "icon.svg": "image/svg+xml",
    "live.js": "text/javascript",
    "charts.js": "text/javascript",
    "builder.css": "text/css",
    "builder.js": "text/javascript",
    "conditions.js": "text/javascript",
    "list_files.js": "text/javascript",
    "rule_tree.js": "text/javascript",
    "tour.js": "text/javascript",
    "report.css": "text/css",
    "printing.js": "text/javascript",
}
FOR_GOOD: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
LOOK_AGAIN: Final = {"Cache-Control": "no-cache"}
"""Of a script that another one imports: its address does not change with its content."""


class Fixed:
    """Serves the assets and the probes, without a login: they hold nothing about anybody."""

    def __init__(self, ready: Callable[[], bool]) -> None:
        self._ready = ready
        self._leaving = False

    def leave(self) -> None:
        """Answer 503 to `/readyz` from now on."""
        self._leaving = True

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [Route("/assets/{name}", self.asset), Route("/livez", self.live), Route("/readyz", self.ready)]

    async def asset(self, request: Request) -> Response:
        """Return a style sheet or a script."""
        name = str(request.path_params["name"])
        if name == "vega.js":
            return Response(await drawing.scripts(), media_type="text/javascript", headers=FOR_GOOD)
        if name not in TYPES:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        headers = FOR_GOOD if "v" in request.query_params else LOOK_AGAIN
        return Response(asset_bytes(name), media_type=TYPES[name], headers=headers)

    async def live(self, _: Request) -> Response:
        """Answer 200 while the event loop runs."""
        return JSONResponse({"status": "live"})

    async def ready(self, _: Request) -> Response:
        """Answer 200 once the keys are read, 503 before and when the process is about to end."""
        ready = self._ready() and not self._leaving
        return JSONResponse({"status": "ready" if ready else "not ready"}, 200 if ready else 503)
