"""Base of the embedded servers: start, freeze, kill, and restart on the same data and ports."""

import signal
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

from streamseg.embedded.child import Child


class Server(ABC):
    """A server in a child process. As a context it starts the server, and removes it with its data at the end."""

    start_seconds: ClassVar[float]
    """Time limit for getting ready."""
    stop_seconds: ClassVar[float] = 15.0
    """Time limit for stopping, before it is killed."""

    def __init__(self, child: Child) -> None:
        self._child = child

    @abstractmethod
    def _answers(self) -> bool:
        """Return whether the server is ready for clients."""

    @property
    def pid(self) -> int:
        """The process id, 0 before the first start."""
        return self._child.pid

    @property
    def folder(self) -> Path:
        """The folder of its data and log."""
        return self._child.folder

    @property
    def running(self) -> bool:
        """Whether the server process is alive."""
        return self._child.running

    def start(self) -> Self:
        """Start it on the data of its last run. Raises `ServerError`."""
        self._child.start(self._answers, self.start_seconds)
        return self

    def kill(self) -> None:
        """Kill it with SIGKILL; keep the data."""
        self._child.kill()

    def stop(self) -> None:
        """Stop it with SIGTERM; keep the data."""
        self._child.stop(self.stop_seconds)

    def restart(self) -> None:
        """Kill it with SIGKILL and start it again."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Freeze it: connections stay open but get no answers."""
        self._child.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue after `pause`."""
        self._child.send(signal.SIGCONT)

    def close(self) -> None:
        """Kill it and delete its data."""
        self._child.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()
