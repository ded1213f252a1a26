"""Run an application, the API or the console, in uvicorn on the current event loop, without an access log."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Protocol

import uvicorn
from starlette.types import Receive, Scope, Send

from streamseg.api.http.header_limits import Connection
from streamseg.errors import SettingsError

DRAIN_SECONDS: Final = 5
KEEP_ALIVE_SECONDS: Final = 75
BACKLOG: Final = 2_048


class Served(Protocol):
    """An ASGI application that can end in order."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI 3.0."""
        ...

    def leave(self) -> None:
        """Answer 503 on `/readyz` from now on, and all else as before."""
        ...

    def end_streams(self) -> None:
        """End all event streams."""
        ...


class _Server(uvicorn.Server):
    """Leaves signals to the process that runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    app: Served,
    host: str,
    port: int,
    *,
    stop: asyncio.Event,
    at_once: asyncio.Event | None = None,
    leave_seconds: float = 0.0,
    listening: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve until `stop` is set; then leave the load balancer, end event streams and finish the open requests.

    From `stop` on `/readyz` answers 503. The listener stays open for `leave_seconds` more, because a load balancer
    sends requests here until its next probe fails.

    Args:
        app: the application.
        host: address to listen on.
        port: port to listen on; 0 lets the system choose.
        stop: set it to end.
        at_once: set it, too, to end without waiting for load balancers.
        leave_seconds: time between the 503 of `/readyz` and the end of the listener.
        listening: called with the address (`http://...`) once connections are accepted.

    Raises:
        SettingsError: the address cannot be bound.
    """
    listener = _bound(host, port)
    server = _Server(
        uvicorn.Config(
            app,
            loop="none",
            http=Connection,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,  # paths hold customer ids
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )

    async def end() -> None:
        await stop.wait()
        app.leave()
        with suppress(TimeoutError):
            async with asyncio.timeout(leave_seconds):
                await (at_once or asyncio.Event()).wait()
        app.end_streams()
        server.should_exit = True

    ending = asyncio.create_task(end())
    listening(_address(listener))
    try:
        await server.serve([listener])
    finally:
        ending.cancel()


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    listener.setblocking(False)
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
