"""`/livez` and `/readyz`: whether the process runs, and whether it can serve."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streamseg.api.http.access import KeyRing
from streamseg.api.http.answers import Answer
from streamseg.api.reads.batched_reads import BatchedReads
from streamseg.errors import StoreUnavailableError

PROBED_CUSTOMER: Final = "readyz"


class Health:
    """Answers the probes of orchestrators and load balancers, without a key."""

    def __init__(self, reads: BatchedReads, ring: KeyRing) -> None:
        self._reads = reads
        self._ring = ring
        self._leaving = False

    def leave(self) -> None:
        """Answer 503 to `/readyz` from now on: the process is about to end."""
        self._leaving = True

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [Route("/livez", self.live), Route("/readyz", self.ready)]

    async def live(self, _: Request) -> Response:
        """Answer 200 while the event loop runs."""
        return _status(200, "live")

    async def ready(self, _: Request) -> Response:
        """Answer 200 when the store answers and the keys are loaded, else 503; always 503 before the process ends."""
        if self._leaving:
            return _status(503, "shutting down")
        try:
            await self._reads.many([PROBED_CUSTOMER])
        except StoreUnavailableError:
            return _status(503, "store unavailable")
        return _status(200, "ready") if self._ring.loaded else _status(503, "keys not read yet")


def _status(code: int, status: str) -> Response:
    return Answer(code, msgspec.json.encode({"status": status}), headers={b"cache-control": b"no-store"}).response()
