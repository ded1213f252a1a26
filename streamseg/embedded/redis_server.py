"""A Redis server of our own on a free port."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

import redis
from typing_extensions import override

from streamseg.embedded.child import Child, ServerError, free_port
from streamseg.embedded.server import Server

DURABLE: Final = ("--appendonly", "yes", "--appendfsync", "everysec")
"""As in production: a kill -9 of the server loses nothing, a power cut at most a second."""


class RedisServer(Server):
    """A redis-server with `noeviction` and no snapshots; it can be killed and restarted on the same data and port."""

    start_seconds: ClassVar[float] = 15.0

    def __init__(self, program: str | Path = "redis-server", options: Sequence[str] = DURABLE) -> None:
        """Raises `ServerError` when the program is not there."""
        found = shutil.which(program)
        if found is None:
            raise ServerError(f"{program} is not there")
        self.port = free_port()
        folder = Path(tempfile.mkdtemp(prefix="streamseg-redis-"))
        command = [found, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        super().__init__(Child("redis-server", [*command, "--maxmemory-policy", "noeviction", *options], folder))

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def wipe(self) -> None:
        """Forget the data of a stopped server, as a lost disk does."""
        for entry in self.folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    @override
    def _answers(self) -> bool:
        try:
            with redis.Redis(port=self.port, socket_timeout=1.0) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
