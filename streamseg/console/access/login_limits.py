"""Limits attempts to log in, per address and of the process."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

WINDOW_SECONDS: Final = 60.0
PER_ADDRESS: Final = 10
OF_PROCESS: Final = 100
ADDRESSES: Final = 10_000
"""Addresses that are remembered; the oldest are forgotten, and the limit of the process still holds."""


class LoginLimits:
    """Counts attempts in windows of a minute. `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Count an attempt. Return 0 if it may be tried, else the seconds until the next one may."""
        return max(self._take(address, PER_ADDRESS), self._take("", OF_PROCESS))

    def _take(self, name: str, limit: int) -> float:
        now = self._clock()
        began, count = self._counts.get(name, (now, 0))
        if now - began >= WINDOW_SECONDS:
            began, count = now, 0
        if count >= limit:
            return WINDOW_SECONDS - (now - began)
        self._counts[name] = (began, count + 1)
        self._counts.move_to_end(name)
        while len(self._counts) > ADDRESSES:
            self._counts.popitem(last=False)
        return 0.0
