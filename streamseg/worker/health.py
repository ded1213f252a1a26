"""What orchestrators ask of a worker: `/livez`, whether it is stuck, and `/readyz`, whether it is warm.

Both are answered beside `/metrics`, from a thread of their own, so that a frozen event loop cannot delay them. A server
that is away makes a worker unready, never dead: a restart would only lose its rows in memory.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

STUCK_SECONDS: Final = 30.0
"""The event loop is stuck when it has not come round for so long. A sweep's piece takes milliseconds."""

Probe = Callable[[], str | None]
"""Returns what is wrong in a few words; None when nothing is."""


class Warming(Protocol):
    """What becomes warm: the partitions of a worker."""

    def cold(self) -> str | None:
        """Return what is not warm yet; None when all is."""
        ...


class Health:
    """Answers the probes of one worker.

    Args:
        assignment: its partitions.
        clock: monotonic seconds.
    """

    def __init__(self, assignment: Warming, clock: Callable[[], float] = time.monotonic) -> None:
        self._assignment = assignment
        self._clock = clock
        self._beat_at = clock()
        self._stops = False

    def beat(self) -> None:
        """Note that the event loop came round."""
        self._beat_at = self._clock()

    def stop(self) -> None:
        """Be unready from now on: the process is about to end."""
        self._stops = True

    def live(self) -> str | None:
        """Return why a restart would help; None when it would not."""
        silent = self._clock() - self._beat_at
        return f"the event loop has been stuck for {silent:.0f} s" if silent > STUCK_SECONDS else None

    def ready(self) -> str | None:
        """Return why the worker is not warm; None when it is."""
        return "shutting down" if self._stops else self.live() or self._assignment.cold()

    def probes(self) -> Mapping[str, Probe]:
        """Return the probes by path."""
        return {"/livez": self.live, "/readyz": self.ready}
