"""A TCP proxy on 127.0.0.1 whose connections can be cut, to simulate network faults."""

import asyncio
from contextlib import suppress
from typing import Self

from streamseg.embedded.child import free_port

CHUNK_BYTES = 65_536


class Proxy:
    """Forwards bytes between its own port and the port `to`. While cut, it holds all bytes and closes nothing."""

    def __init__(self, to: int | None = None) -> None:
        self.port = free_port()
        self.to = to
        self._connected = asyncio.Event()
        self._connected.set()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> Self:
        """Listen on `port`."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        return self

    def cut(self) -> None:
        """Forward nothing, like an unplugged cable."""
        self._connected.clear()

    def restore(self) -> None:
        """Forward again. Held bytes arrive late, as TCP would retransmit them."""
        self._connected.set()

    async def close(self) -> None:
        """Stop listening and drop all connections."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        try:
            await self._connected.wait()
            assert self.to is not None
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.to)
            try:
                directions = [
                    asyncio.ensure_future(self._forward(reader, server_writer)),
                    asyncio.ensure_future(self._forward(server_reader, writer)),
                ]
                await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
                for one in directions:
                    one.cancel()
                await asyncio.gather(*directions, return_exceptions=True)
            finally:
                server_writer.close()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._connections.discard(connection)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                await self._connected.wait()
                writer.write(chunk)
                await writer.drain()
