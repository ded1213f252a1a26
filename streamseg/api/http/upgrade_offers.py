"""Decline offers to upgrade the protocol, and read the request that makes the offer like any other.

httptools ends a message at its headers when it offers an upgrade, so that the body would be lost. Java's client offers
HTTP/2 (`Upgrade: h2c`) with its first request on every connection, with or without a body. A server may ignore the
offer (RFC 9110, 7.8).
"""

from typing import Any, Final

import httptools

FRAMING: Final = (b"content-length", b"transfer-encoding")


class UpgradeDecliningParser:
    """`httptools.HttpRequestParser` that goes on after an upgrade offer.

    The callback `on_message_complete` comes twice for a request with an offer. `should_upgrade` is true at the first,
    which comes too early.

    Args:
        connection: receives the callbacks; its `headers` are those of the current request.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._parser = _parser_for(connection)

    def feed_data(self, data: bytes) -> None:
        """Parse the next piece. Raises `httptools.HttpParserError`."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            framing = [each for each in self._connection.headers if each[0] in FRAMING]
            self._parser = _parser_for(_Rest(self._connection))
            self._parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(b"%b: %b\r\n" % each for each in framing))
            self.feed_data(data[offer.args[0] :])

    def should_upgrade(self) -> bool:
        """Return whether the current request offers an upgrade, and its body was not parsed yet."""
        return bool(self._parser.should_upgrade())

    def should_keep_alive(self) -> bool:
        """Return whether the client keeps the connection."""
        return bool(self._parser.should_keep_alive())

    def get_http_version(self) -> str:
        """Return the version of the current request, such as "1.1"."""
        return str(self._parser.get_http_version())

    def get_method(self) -> bytes:
        """Return the method of the current request."""
        return bytes(self._parser.get_method())


class _Rest:
    """Callbacks for the body of a request whose headers are parsed already, and for the requests after it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._in_known_head = True
        self.on_body = connection.on_body
        self.on_message_complete = connection.on_message_complete

    def on_message_begin(self) -> None:
        if not self._in_known_head:
            self._connection.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._in_known_head:
            self._connection.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_known_head:
            self._connection.on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self._in_known_head:
            self._connection.on_headers_complete()
        self._in_known_head = False


def _parser_for(callbacks: Any) -> Any:
    parser = httptools.HttpRequestParser(callbacks)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does: it closes after its answer
    return parser
