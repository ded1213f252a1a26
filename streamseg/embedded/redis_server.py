"""A Redis server of our own on a free port."""

import shutil
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import redis

from streamseg.embedded.child import Child, ServerError, free_port

START_TIMEOUT_SECONDS: Final = 15.0
DURABLE: Final = ("--appendonly", "yes", "--appendfsync", "everysec")
"""As in production: a kill -9 of the server loses nothing, a power cut at most a second."""


class RedisServer:
    """A redis-server with `noeviction` and no snapshots; it can be killed and restarted on the same data and port."""

    def __init__(self, program: str | Path = "redis-server", options: Sequence[str] = DURABLE) -> None:
        """Raises `ServerError` when the program is not there."""
        found = shutil.which(program)
        if found is None:
            raise ServerError(f"{program} is not there")
        self.port = free_port()
        folder = Path(tempfile.mkdtemp(prefix="streamseg-redis-"))
        command = [found, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        self._child = Child("redis-server", [*command, "--maxmemory-policy", "noeviction", *options], folder)

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """The server's process, 0 before the first start."""
        return self._child.pid

    @property
    def folder(self) -> Path:
        """Where its data and its log are."""
        return self._child.folder

    @property
    def running(self) -> bool:
        """Whether the server is there."""
        return self._child.running

    def start(self) -> Self:
        """Start it, on the data that the last run left. Raises `ServerError`."""
        self._child.start(self._answers, START_TIMEOUT_SECONDS)
        return self

    def kill(self) -> None:
        """Kill -9; the data stays."""
        self._child.kill()

    def stop(self) -> None:
        """End it in good order; the data stays."""
        self._child.stop()

    def restart(self) -> None:
        """Kill -9 and start again."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Freeze it: connections stay open and nobody answers."""
        self._child.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen one go on."""
        self._child.send(signal.SIGCONT)

    def wipe(self) -> None:
        """Forget the data of a stopped server, as a lost disk does."""
        for entry in self._child.folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def close(self) -> None:
        """Kill it and remove its data."""
        self._child.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answers(self) -> bool:
        try:
            with redis.Redis(port=self.port, socket_timeout=1.0) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
