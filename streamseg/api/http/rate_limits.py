"""Limit the request rate of the process and of each key."""

import time
from collections.abc import Callable
from math import ceil

from streamseg.api.http.problems import Problem


class Bucket:
    """A token bucket that holds one second's tokens, at least one."""

    __slots__ = ("_at", "_capacity", "_rate", "_tokens")

    def __init__(self, per_second: float, now: float) -> None:
        self._rate = per_second
        self._capacity = max(1.0, per_second)
        self._tokens = self._capacity
        self._at = now

    def take(self, now: float) -> float:
        """Take one token and return 0, or return the seconds until there is one."""
        self._tokens = min(self._capacity, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate


class RateLimits:
    """One bucket for the process, and one per key. `clock` is in seconds."""

    def __init__(
        self, per_second: float, per_key_per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_key = per_key_per_second
        self._clock = clock
        self._process = Bucket(per_second, clock())
        self._keys: dict[str, Bucket] = {}

    def take(self, key_id: str | None = None) -> None:
        """Count one request of a key, or of the process without one. Raises `Problem` 429 with Retry-After."""
        now = self._clock()
        if key_id is None:
            bucket = self._process
        else:
            bucket = self._keys.get(key_id) or self._keys.setdefault(key_id, Bucket(self._per_key, now))
        wait = bucket.take(now)
        if wait > 0:
            whose = "this process" if key_id is None else "this key"
            raise Problem(429, f"too many requests for {whose}", headers={b"retry-after": b"%d" % max(1, ceil(wait))})
