"""A wire that can be cut: a TCP proxy on 127.0.0.1."""

import asyncio
from contextlib import suppress
from typing import Self

from streamseg.embedded.child import free_port

CHUNK_BYTES = 65_536


class Proxy:
    """Passes bytes on between its own port and `to`. While it is cut, nothing gets through and nobody is told."""

    def __init__(self, to: int | None = None) -> None:
        self.port = free_port()
        self.to = to
        self._open = asyncio.Event()
        self._open.set()
        self._server: asyncio.Server | None = None
        self._wires: set[asyncio.Task[None]] = set()

    async def start(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        return self

    def cut(self) -> None:
        """Let nothing through, as if the cable were pulled."""
        self._open.clear()

    def mend(self) -> None:
        """Connect again: what was under way arrives late, as TCP would have it."""
        self._open.set()

    async def close(self) -> None:
        """Stop listening and drop all connections."""
        if self._server is not None:
            self._server.close()
        for wire in self._wires:
            wire.cancel()
        await asyncio.gather(*self._wires, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = asyncio.current_task()
        assert wire is not None
        self._wires.add(wire)
        try:
            await self._open.wait()
            assert self.to is not None
            there, back = await asyncio.open_connection("127.0.0.1", self.to)
            try:
                both = [
                    asyncio.ensure_future(self._pass_on(reader, back)),
                    asyncio.ensure_future(self._pass_on(there, writer)),
                ]
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                for one in both:
                    one.cancel()
                await asyncio.gather(*both, return_exceptions=True)
            finally:
                back.close()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._wires.discard(wire)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                await self._open.wait()
                writer.write(chunk)
                await writer.drain()
