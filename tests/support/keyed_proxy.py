"""A TCP proxy before a Redis that holds the commands for chosen keys, as if their Cluster node were away."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Self

from streamseg.embedded.child import free_port

CHUNK_BYTES = 65_536
LOOKS_SECONDS = 0.05
CONNECTIONS = 200


class KeyedProxy:
    """Forwards between its own port and the port `to`, for the duration of a `with` block.

    While keys are held, a connection that brings a command for one of them stands still, and so does what it brings
    later; the commands arrive at the release, as TCP would retransmit them.
    """

    def __init__(self, to: int) -> None:
        self.port = free_port()
        self._to = to
        self._held: bytes | None = None
        self._stopped = threading.Event()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._listener = socket.create_server(("127.0.0.1", self.port))

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()

    def hold(self, part_of_keys: bytes) -> None:
        """Hold commands with these bytes."""
        self._held = part_of_keys

    def release(self) -> None:
        """Let everything pass."""
        self._held = None

    def _accept(self) -> None:
        with ThreadPoolExecutor(CONNECTIONS) as connections, suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                connections.submit(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._to)) as server:
            answers = threading.Thread(target=self._forward, args=(server, client), daemon=True)
            answers.start()
            self._forward(client, server, self._wait_while_held)
            answers.join()

    def _wait_while_held(self, chunk: bytes) -> None:
        while (held := self._held) is not None and held in chunk and not self._stopped.wait(LOOKS_SECONDS):
            pass

    def _forward(
        self, source: socket.socket, target: socket.socket, before: Callable[[bytes], None] = lambda _: None
    ) -> None:
        """Forward until either side ends, then end both."""
        target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError):
            while chunk := source.recv(CHUNK_BYTES):
                before(chunk)
                target.sendall(chunk)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
