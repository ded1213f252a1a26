"""How long a process ran and how long it waited for a free core, from Linux's /proc/<pid>/schedstat."""

from pathlib import Path
from typing import NamedTuple, Self


class Scheduled(NamedTuple):
    """Seconds that the process's first thread has run and waited since its start."""

    running: float
    waiting: float


def scheduled(pid: int) -> Scheduled:
    """The present times of the process; zeros where the system does not report them."""
    try:
        running, waiting, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    except OSError:
        return Scheduled(0, 0)
    return Scheduled(int(running) / 1e9, int(waiting) / 1e9)


class Share(NamedTuple):
    """CPU seconds per request, and the share (0-1) of its runnable time that the process waited for a core."""

    cpu_seconds: float
    waited: float

    @classmethod
    def between(cls, before: Scheduled, after: Scheduled, requests: int) -> Self:
        """The cost of `requests` made between two readings."""
        running, waiting = after.running - before.running, after.waiting - before.waiting
        return cls(running / max(requests, 1), waiting / max(running + waiting, 1e-9))
