"""One connection of the HTTP server: uvicorn's, with an end to how long and how large the head of a request may be.

Without it a client that never ends its headers holds memory and a connection for as long as it likes.
"""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_AT_MOST: Final = 32_768
HEAD_SECONDS: Final = 20.0
"""From the opening of the connection, or the first byte of a later request, to the end of its headers."""

TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Connection(HttpToolsProtocol):
    """Refuses heads that are too large with 431, and hangs up on those that take too long."""

    head_seconds: float = HEAD_SECONDS

    _in_head = False
    _head_bytes = 0
    """Of the head that is coming, without the piece of data in which it began."""
    _piece_bytes = 0
    _hanging_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._hanging_up = self.loop.call_later(self.head_seconds, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._piece_bytes = len(data)
        if self._in_head:
            self._head_bytes += self._piece_bytes
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            if self._head_bytes > HEAD_BYTES_AT_MOST:
                self._refuse()
            elif self._hanging_up is None:
                self._hanging_up = self.loop.call_later(self.head_seconds, self.transport.close)

    def on_message_begin(self) -> None:
        """See httptools."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """See httptools."""
        self._in_head = False
        self._in_time()
        if self._head_bytes + self._piece_bytes > HEAD_BYTES_AT_MOST:  # with a part of the body, perhaps
            head = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if head > HEAD_BYTES_AT_MOST:
                self._refuse()
                return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """See httptools."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """See httptools."""
        if not self.transport.is_closing():
            super().on_message_complete()

    def _in_time(self) -> None:
        if self._hanging_up is not None:
            self._hanging_up.cancel()
            self._hanging_up = None

    def _refuse(self) -> None:
        self.transport.write(TOO_LARGE)
        self.transport.close()
