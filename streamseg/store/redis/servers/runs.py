"""Which runs of the servers hold the data: Redis takes a new `run_id` at each start."""

import hashlib
import time
from collections.abc import Iterable
from typing import Final

from redis.asyncio import Redis

LOOK_SECONDS: Final = 1.0
"""Between two looks."""


async def run_id(redis: Redis) -> str:
    """Return the id of a server's run; empty where a hosted server does not tell it. Raises `RedisError`, `OSError`."""
    return str((await redis.info("server")).get("run_id", ""))


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
