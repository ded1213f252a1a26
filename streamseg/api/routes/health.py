"""Whether this process lives, and whether it can serve."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streamseg.api.http.access import KeyRing
from streamseg.api.http.answers import Answer
from streamseg.api.routes.shared_reads import SharedReads
from streamseg.errors import StoreUnavailableError

PROBED_CUSTOMER = "readyz"


class Health:
    """`/livez` and `/readyz`, for whoever restarts processes and sends them traffic."""

    def __init__(self, reads: SharedReads, ring: KeyRing) -> None:
        self._reads = reads
        self._ring = ring

    def routes(self) -> list[Route]:
        """For anyone on the network that the process listens on."""
        return [Route("/livez", self.live), Route("/readyz", self.ready)]

    async def live(self, _: Request) -> Response:
        """200 as long as the event loop turns."""
        return _status(200, "live")

    async def ready(self, _: Request) -> Response:
        """200 when the store answers and the keys are known, else 503."""
        try:
            await self._reads.many([PROBED_CUSTOMER])
        except StoreUnavailableError:
            return _status(503, "store unavailable")
        return _status(200, "ready") if self._ring.loaded else _status(503, "keys not read yet")


def _status(code: int, status: str) -> Response:
    return Answer(code, msgspec.json.encode({"status": status}), headers={b"cache-control": b"no-store"}).response()
