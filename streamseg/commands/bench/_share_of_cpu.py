"""How long a process ran, and how long it could have run but had no core: Linux tells, in /proc/<pid>/schedstat."""

from pathlib import Path
from typing import NamedTuple, Self


class Scheduled(NamedTuple):
    """Of the process's first thread since its start, in seconds."""

    running: float
    waiting: float


def scheduled(pid: int) -> Scheduled:
    """Where the process stands; zeros where the system does not tell."""
    try:
        running, waiting, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    except OSError:
        return Scheduled(0, 0)
    return Scheduled(int(running) / 1e9, int(waiting) / 1e9)


class Share(NamedTuple):
    """What a stretch of work cost: CPU per request, and which part of the time a core was wanting."""

    cpu_seconds: float
    waited: float

    @classmethod
    def between(cls, before: Scheduled, after: Scheduled, requests: int) -> Self:
        """The cost of `requests` between two looks."""
        running, waiting = after.running - before.running, after.waiting - before.waiting
        return cls(running / max(requests, 1), waiting / max(running + waiting, 1e-9))
