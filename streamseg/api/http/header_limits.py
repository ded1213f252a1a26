"""uvicorn's HTTP connection, with limits of size and time for request headers, and without upgrades.

uvicorn has no such limits: a client that never ends its headers would hold memory and a connection for ever.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from streamseg.api.http.upgrade_offers import UpgradeDecliningParser

HEAD_BYTES_AT_MOST: Final = 32_768
HEAD_SECONDS: Final = 20.0
"""From the opening of the connection, or the first byte of a later request, to the end of its headers."""

TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Connection(HttpToolsProtocol):
    """Answers 431 to headers that are too large, and closes the connection when they take too long."""

    head_seconds: float = HEAD_SECONDS

    _in_head = False
    _head_bytes = 0
    """Header bytes received, without the piece of data in which the request began."""
    _piece_bytes = 0
    _timeout: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser: Any = UpgradeDecliningParser(self)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._timeout = self.loop.call_later(self.head_seconds, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._cancel_timeout()
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
            elif self._timeout is None:
                self._timeout = self.loop.call_later(self.head_seconds, self.transport.close)

    def on_message_begin(self) -> None:
        """See httptools."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """See httptools."""
        self._in_head = False
        self._cancel_timeout()
        if self._head_bytes + self._piece_bytes > HEAD_BYTES_AT_MOST:  # may include the start of the body: count again
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
        if not self.transport.is_closing() and not self.parser.should_upgrade():
            super().on_message_complete()

    def _cancel_timeout(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None

    def _refuse(self) -> None:
        self.transport.write(TOO_LARGE)
        self.transport.close()
