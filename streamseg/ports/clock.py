"""What time it is for a partition."""

from collections.abc import Collection, Mapping
from typing import Protocol


class Clock(Protocol):
    """The clock of decay, gate, settling and sweeps: epoch seconds of one partition."""

    def now(self, partition: int) -> float:
        """Epoch seconds."""
        ...

    def advance(self, partition: int, latest: Mapping[str, float], behind: Collection[str]) -> None:
        """Tell the clock the greatest event time seen of each topic; a wall clock ignores it.

        `behind` names the topics of which records are waiting to be read.
        """
        ...
