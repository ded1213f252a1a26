"""`GET /v1/streams/{ticket}`: server-sent events that tell a page to ask again (OFREP ADR-0008, WHATWG).

A message carries no data about the customer. A stream is opened with a ticket, because browsers cannot send headers
with it and proxies log its URL: so the URL must not name the customer. The id of an event is the (epoch, seq) of the
membership. A page sends the last id that it has seen, in Last-Event-ID or in the query parameter `after`, and gets a
message at once when the membership has changed since, from whichever process it reaches.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from streamseg.api.http.problems import Problem, store_unavailable
from streamseg.api.routes.stream_limits import StreamLimits, Subject
from streamseg.errors import StoreUnavailableError
from streamseg.membership.encoding import order_of
from streamseg.metrics import Metrics
from streamseg.ports import ChangeNotices, TicketStore

PATH: Final = "/v1/streams/"
PATTERN: Final = PATH + "{ticket}"
TICKET_SECONDS: Final = 86_400
RETRY_SECONDS: Final = 0.5
"""Wait before the store is asked again after it did not answer."""
RECONNECT_MILLISECONDS: Final = (1_000, 3_000)
"""How long a page waits before it reconnects: random in this range, so that pages do not come back together."""
LAST_RECONNECT_MILLISECONDS: Final = (1_000, 10_000)
"""The same at the end of the process, which ends all its streams at once."""

MESSAGE: Final = b'id: %b\nevent: message\ndata: {"type":"refetchEvaluation"}\n\n'
GREETING: Final = b"retry: %d\nid: %b\n\n"
"""Sets the id that a reconnecting page will send. Without data, browsers dispatch no event."""
LAST_WAIT: Final = b"retry: %d\n\n"
HEARTBEAT: Final = b": alive\n\n"

ReadMembership = Callable[[str], Awaitable[bytes | None]]
"""Returns a customer's membership string. May raise `StoreUnavailableError`."""


class EventStreams:
    """The open event streams of this process.

    Args:
        read: reads a membership.
        tickets: makes and resolves tickets.
        notices: signals membership changes.
        metrics: counts open streams.
        limits: how many streams may be open.
        heartbeat_seconds: a silent stream sends a comment this often, so that proxies keep the connection.
    """

    def __init__(
        self,
        read: ReadMembership,
        tickets: TicketStore,
        notices: ChangeNotices,
        metrics: Metrics,
        *,
        limits: StreamLimits,
        heartbeat_seconds: float,
    ) -> None:
        self._read = read
        self._tickets = tickets
        self._notices = notices
        self._gauge = metrics.streams
        self._limits = limits
        self._heartbeat_seconds = heartbeat_seconds
        self._ending = False
        self._open: set[asyncio.Event] = set()

    def routes(self) -> list[Route]:
        """Return the route; the ticket takes the place of a key."""
        return [Route(PATTERN, self.open)]

    async def ticket(self, customer_id: str, membership: bytes | None, key_id: str) -> str:
        """Return the path of a stream of this customer's changes, valid for a day.

        The path names the membership that the caller has seen: a change before the stream opens is sent when it opens.
        `key_id` is the API key that the stream counts for.

        Raises:
            Problem: 503 when the store does not answer.
        """
        try:
            ticket = await self._tickets.issue(f"{customer_id} {key_id}", TICKET_SECONDS)
        except StoreUnavailableError:
            raise store_unavailable() from None
        return f"{PATH}{ticket}?after={_event_id(membership).decode()}"

    async def open(self, request: Request) -> Response:
        """Answer with the stream; a HEAD request with its headers only.

        Raises:
            Problem: 404 for an unknown or expired ticket, 429 when too many streams are open, 503 when the store does
                not answer or the process is about to end.
        """
        if self._ending:
            raise Problem(503, "this process is shutting down", headers={b"retry-after": b"1"})
        ticket = request.path_params["ticket"]
        try:
            redeemed = await self._tickets.redeem(ticket)
        except StoreUnavailableError:
            raise store_unavailable() from None
        if redeemed is None:
            raise Problem(404, "this ticket is unknown or expired: evaluate again for a new one", field="ticket")
        customer_id, _, key_id = redeemed.partition(" ")
        if request.method == "HEAD":
            return _StreamHead()
        subject = Subject(ticket, customer_id, key_id)
        self._limits.check(subject)
        seen = request.headers.get("last-event-id") or request.query_params.get("after")
        return _Stream(self, subject, seen)

    async def hold(self, subject: Subject, last: str | None, receive: Receive, send: Send) -> None:
        """Answer with a stream until the client disconnects or the process ends. `last` is the id the client has.

        The stream is counted before the first `await`: nothing may come between the check of the limits and this.
        """
        try:
            with self._limits.counted(subject):
                await send({"type": "http.response.start", "status": 200, "headers": _StreamHead().raw_headers})
                await self._hold(subject.customer_id, last, receive, send)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._gauge.set(self._limits.open)

    async def _hold(self, customer_id: str, last: str | None, receive: Receive, send: Send) -> None:
        async with self._notices.watch(customer_id) as changed:
            self._open.add(changed)
            self._gauge.set(self._limits.open)
            following = asyncio.create_task(self._follow(customer_id, last, send, changed))
            leaving = asyncio.create_task(_disconnected(receive))
            try:
                await asyncio.wait({following, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._open.discard(changed)
                for task in (following, leaving):
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    def end(self) -> None:
        """End all streams; their pages reconnect to another process."""
        self._ending = True
        for changed in self._open:
            changed.set()

    async def _follow(self, customer_id: str, last: str | None, send: Send, changed: asyncio.Event) -> None:
        current = await self._current_id(customer_id)
        await _write(send, GREETING % (_between(RECONNECT_MILLISECONDS), current))
        if last is not None and last.encode("latin-1", "replace") != current:
            await _write(send, MESSAGE % current)
        while not self._ending:
            try:
                async with asyncio.timeout(self._heartbeat_seconds):
                    await changed.wait()
            except TimeoutError:
                await _write(send, HEARTBEAT)
                continue
            changed.clear()
            now = await self._current_id(customer_id)
            if now != current:
                current = now
                await _write(send, MESSAGE % current)
        await _write(send, LAST_WAIT % _between(LAST_RECONNECT_MILLISECONDS))

    async def _current_id(self, customer_id: str) -> bytes:
        """Return the event id of the current membership; wait until the store answers."""
        while True:
            try:
                stored = await self._read(customer_id)
            except StoreUnavailableError:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            return _event_id(stored)


class _StreamHead(Response):
    """The headers of a stream, without a body: the answer to HEAD."""

    def __init__(self) -> None:
        super().__init__(
            media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        self.raw_headers = [each for each in self.raw_headers if each[0] != b"content-length"]


class _Stream(Response):
    """A response that lasts as long as the stream."""

    def __init__(self, streams: EventStreams, subject: Subject, last: str | None) -> None:
        super().__init__()
        self._streams = streams
        self._subject = subject
        self._last = last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        await self._streams.hold(self._subject, self._last, receive, send)


def _between(milliseconds: tuple[int, int]) -> int:
    return random.randint(*milliseconds)  # noqa: S311 - not for security


def _event_id(membership: bytes | None) -> bytes:
    order = order_of(membership) if membership is not None else None
    return b"%d-%d" % order if order is not None else b"0-0"


async def _write(send: Send, piece: bytes) -> None:
    await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
