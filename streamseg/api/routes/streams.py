"""Event streams that say "ask again", and nothing else (OFREP ADR-0008, WHATWG server-sent events).

A stream is opened with a ticket: an address that tells nothing of the customer, because browsers cannot send headers
with it and proxies log it. An event's id is the (epoch, seq) of the membership, so that a page that was away and sends
Last-Event-ID, or comes for the first time with the place of the answer that named the stream, learns at once whether it
has missed something, from whichever process it reaches.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from streamseg.api.http.problems import Problem, store_away
from streamseg.api.http.request_metrics import Meters
from streamseg.errors import StoreUnavailableError
from streamseg.membership.encoding import order_of
from streamseg.ports import ChangeNotices, TicketStore

PATH: Final = "/v1/streams/"
TICKET_SECONDS: Final = 86_400
RETRY_SECONDS: Final = 0.5
"""Before the store is asked again after it was away."""
RECONNECT_MILLISECONDS: Final = 1_000

MESSAGE: Final = b'id: %b\nevent: message\ndata: {"type":"refetchEvaluation"}\n\n'
GREETING: Final = b"retry: %d\nid: %b\n\n"
"""Sets the id that a reconnecting page will name; without data no event is dispatched."""
HEARTBEAT: Final = b": alive\n\n"

Reader = Callable[[str], Awaitable[bytes | None]]


class Push:
    """The streams that this process holds open."""

    def __init__(
        self,
        read: Reader,
        tickets: TicketStore,
        notices: ChangeNotices,
        meters: Meters,
        *,
        limit: int,
        heartbeat_seconds: float,
    ) -> None:
        self._read = read
        self._tickets = tickets
        self._notices = notices
        self._gauge = meters.metrics.streams
        self._limit = limit
        self.heartbeat_seconds = heartbeat_seconds
        self.ending = False
        self._open: set[asyncio.Event] = set()

    async def ticket(self, customer_id: str, membership: bytes | None) -> str:
        """A path at which the customer's changes can be followed for a day. Raises the marked `Problem`.

        It names the place of the membership that the caller has seen: what changes before the stream is open is told
        as soon as it is.
        """
        try:
            ticket = await self._tickets.issue(customer_id, TICKET_SECONDS)
        except StoreUnavailableError:
            raise store_away() from None
        return f"{PATH}{ticket}?after={_place(membership).decode()}"

    async def open(self, request: Request) -> Response:
        """`GET /v1/streams/{ticket}`.

        Raises `Problem` 404 for a ticket that is unknown or over, 429 when no more streams can be held.
        """
        if len(self._open) >= self._limit:
            raise Problem(429, "this process holds as many event streams as it may", headers={b"retry-after": b"5"})
        try:
            customer_id = await self._tickets.redeem(request.path_params["ticket"])
        except StoreUnavailableError:
            raise store_away() from None
        if customer_id is None:
            raise Problem(404, "this ticket is unknown or over: evaluate again for a new one", field="ticket")
        seen = request.headers.get("last-event-id") or request.query_params.get("after")
        return _Stream(self, customer_id, seen)

    async def follow(self, customer_id: str, last: str | None, send: Send, changed: asyncio.Event) -> None:
        """Send messages until the stream is left or the process ends."""
        stands = await self.position(customer_id)
        await _write(send, GREETING % (RECONNECT_MILLISECONDS, stands))
        if last is not None and last.encode("latin-1", "replace") != stands:
            await _write(send, MESSAGE % stands)
        while not self.ending:
            try:
                async with asyncio.timeout(self.heartbeat_seconds):
                    await changed.wait()
            except TimeoutError:
                await _write(send, HEARTBEAT)
                continue
            changed.clear()
            now = await self.position(customer_id)
            if now != stands:
                stands = now
                await _write(send, MESSAGE % stands)

    async def position(self, customer_id: str) -> bytes:
        """Where the customer's membership stands, as an event id; waits while the store is away."""
        while True:
            try:
                stored = await self._read(customer_id)
            except StoreUnavailableError:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            return _place(stored)

    async def hold(self, customer_id: str, last: str | None, receive: Receive, send: Send) -> None:
        """One open stream, from its greeting to its end."""
        async with self._notices.watch(customer_id) as changed:
            self._open.add(changed)
            self._gauge.set(len(self._open))
            following = asyncio.create_task(self.follow(customer_id, last, send, changed))
            leaving = asyncio.create_task(_left(receive))
            try:
                await asyncio.wait({following, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._open.discard(changed)
                self._gauge.set(len(self._open))
                for task in (following, leaving):
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    def end(self) -> None:
        """End all streams; their pages reconnect elsewhere."""
        self.ending = True
        for changed in self._open:
            changed.set()


class _Stream(Response):
    """The response that a stream is."""

    def __init__(self, push: Push, customer_id: str, last: str | None) -> None:
        super().__init__(
            media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        self._push = push
        self._customer_id = customer_id
        self._last = last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        headers = [each for each in self.raw_headers if each[0] != b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._push.hold(self._customer_id, self._last, receive, send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _place(membership: bytes | None) -> bytes:
    order = order_of(membership) if membership is not None else None
    return b"%d-%d" % order if order is not None else b"0-0"


async def _write(send: Send, piece: bytes) -> None:
    await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
