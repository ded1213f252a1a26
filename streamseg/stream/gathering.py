"""How long the broker gathers records for one answer: the more there are, the shorter.

A cycle of a partition costs about the same with one record or sixty. So a fetch that returns with the first record made
a worker as busy at a hundredth of its rate as at half. Where records are many, gathering saves little, and each event
waits for half of it. The setting `kafka.gathering_seconds` is the longest.
"""

from typing import Final

LEAST_SECONDS: Final = 0.01
ENOUGH_RECORDS: Final = 60
"""Of one partition in one answer. With fewer, the broker gathers longer."""
STEP: Final = 0.2
"""How far one answer moves the time towards what it calls for."""


class Gathering:
    """The time for the next answer, at most `longest_seconds`."""

    def __init__(self, longest_seconds: float) -> None:
        self.seconds = self._longest = longest_seconds
        self._shortest = min(LEAST_SECONDS, longest_seconds)

    @property
    def milliseconds(self) -> int:
        """As Kafka takes it."""
        return round(self.seconds * 1000)

    def saw(self, records: int, partitions: int) -> None:
        """Note how many records an answer had, and of how many partition numbers; nothing follows from an empty one."""
        if records:
            wanted = self.seconds * ENOUGH_RECORDS * partitions / records
            self.seconds += STEP * (min(max(wanted, self._shortest), self._longest) - self.seconds)
