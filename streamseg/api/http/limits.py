"""How much one key, and all of them together, may ask of one process; and how large a request may be."""

import asyncio
import time
from collections.abc import Callable
from math import ceil
from typing import Final

from starlette.types import Receive

from streamseg.api.http.problems import Problem

BODY_SECONDS: Final = 10.0


class Bucket:
    """A token bucket that holds one second's worth, at least one."""

    __slots__ = ("_at", "_capacity", "_rate", "_tokens")

    def __init__(self, per_second: float, now: float) -> None:
        self._rate = per_second
        self._capacity = max(1.0, per_second)
        self._tokens = self._capacity
        self._at = now

    def take(self, now: float) -> float:
        """Take one token: 0, or the seconds until there will be one."""
        self._tokens = min(self._capacity, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate


class Limits:
    """The buckets of a process."""

    def __init__(
        self, per_second: float, per_key_per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_key = per_key_per_second
        self._clock = clock
        self._process = Bucket(per_second, clock())
        self._keys: dict[str, Bucket] = {}

    def take(self, key_id: str | None = None) -> None:
        """Count a request of the process, or of a key. Raises `Problem` 429 that says when to come back."""
        now = self._clock()
        if key_id is None:
            bucket = self._process
        else:
            bucket = self._keys.get(key_id) or self._keys.setdefault(key_id, Bucket(self._per_key, now))
        wait = bucket.take(now)
        if wait > 0:
            whose = "this process" if key_id is None else "this key"
            raise Problem(429, f"too many requests for {whose}", headers={b"retry-after": b"%d" % max(1, ceil(wait))})


async def read_body(receive: Receive, declared_bytes: bytes | None, limit_bytes: int) -> bytes:
    """The request's body. Raises `Problem` 413 as soon as it is known to be too large, 408 when it does not come."""
    if declared_bytes is not None and declared_bytes.isdigit() and int(declared_bytes) > limit_bytes:
        raise _too_large(limit_bytes)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _whole_body(receive, limit_bytes)
    except TimeoutError:
        raise Problem(408, f"the body did not come within {BODY_SECONDS:g} s", field="body") from None


async def _whole_body(receive: Receive, limit_bytes: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "the request ended before its body did")
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > limit_bytes:
            raise _too_large(limit_bytes)
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)


def _too_large(limit_bytes: int) -> Problem:
    return Problem(413, f"the body may have at most {limit_bytes} bytes", field="body")
