"""What all servers of our own have in common: started, frozen, killed and started again on the same data and ports."""

import signal
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

from streamseg.embedded.child import Child


class Server(ABC):
    """A server in a child process; a block around it starts it and removes it with its data."""

    start_seconds: ClassVar[float]
    """How long it may take until it answers."""
    stop_seconds: ClassVar[float] = 15.0
    """How long it may take to end in good order before it is killed."""

    def __init__(self, child: Child) -> None:
        self._child = child

    @abstractmethod
    def _answers(self) -> bool:
        """Whether clients are served."""

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
        self._child.start(self._answers, self.start_seconds)
        return self

    def kill(self) -> None:
        """Kill -9; the data stays."""
        self._child.kill()

    def stop(self) -> None:
        """End it in good order; the data stays."""
        self._child.stop(self.stop_seconds)

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

    def close(self) -> None:
        """Kill it and remove its data."""
        self._child.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()
