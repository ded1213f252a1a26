"""Which runs of the servers hold the data: Redis takes a new `run_id` at each start."""

import hashlib
import time
from collections.abc import Iterable
from typing import Final

LOOK_SECONDS: Final = 1.0
"""Between two looks."""


class Runs:
    """What was found at the latest look."""

    def __init__(self) -> None:
        self.name = ""
        """One name for all runs; another one when any server was restarted, replaced, added or removed."""
        self._looked_at = float("-inf")

    @property
    def looked_lately(self) -> bool:
        """Whether `name` holds for now."""
        return time.monotonic() - self._looked_at < LOOK_SECONDS

    def saw(self, run_ids: Iterable[str]) -> None:
        """Note the run ids of all primaries."""
        self.name = hashlib.blake2b(" ".join(sorted(run_ids)).encode(), digest_size=16).hexdigest()
        self._looked_at = time.monotonic()
