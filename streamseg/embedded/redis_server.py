"""Runs a Redis server on a free port."""

import shutil
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from typing_extensions import override

from streamseg.embedded.child import Child, ServerError, free_port
from streamseg.embedded.server import Server

DURABLE: Final = ("--appendonly", "yes", "--appendfsync", "everysec")
"""As in production: kill -9 of the server loses nothing, a power cut at most one second."""
PING_SECONDS: Final = 1.0


class RedisServer(Server):
    """A redis-server with `noeviction` and no snapshots; it can be killed and restarted on the same data and port."""

    start_seconds: ClassVar[float] = 15.0

    def __init__(self, program: str | Path = "redis-server", options: Sequence[str] = DURABLE) -> None:
        """Raises `ServerError` when `program` is not installed."""
        found = shutil.which(program)
        if found is None:
            raise ServerError(f"{program} is not installed")
        self.port = free_port()
        folder = Path(tempfile.mkdtemp(prefix="streamseg-redis-"))
        command = [found, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        super().__init__(Child("redis-server", [*command, "--maxmemory-policy", "noeviction", *options], folder))

    @property
    def url(self) -> str:
        """The URL for clients."""
        return f"redis://127.0.0.1:{self.port}/0"

    def wipe(self) -> None:
        """Delete the data of a stopped server, as a lost disk does."""
        for entry in self.folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    @override
    def _answers(self) -> bool:
        return answers_ping(self.port)


def answers_ping(port: int) -> bool:
    """Return whether a Redis on 127.0.0.1 accepts commands: False while it loads its data or is frozen."""
    try:
        with socket.create_connection(("127.0.0.1", port), PING_SECONDS) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False
