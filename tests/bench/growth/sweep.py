"""How long it takes to look at everybody again."""

import time
from dataclasses import replace
from typing import Final

import redis

from streamseg import wiring
from streamseg.clustering.snapshot import Snapshot
from tests.bench.stage import Stage

SEGMENTATION: Final = "behaviour"
QUIET_SECONDS: Final = 3.0
BEGIN_SECONDS: Final = 30.0
LONGEST_SECONDS: Final = 1_800.0
POLL_SECONDS: Final = 0.05


async def publish_generation(stage: Stage) -> None:
    """Publish the standing model as a new generation: same segments, so nobody moves, but all are looked at again."""
    async with wiring.stores(stage.settings) as (_, _, models):
        while True:
            stored = await models.snapshot(SEGMENTATION)
            assert stored is not None
            old = Snapshot.from_json(stored)
            new = replace(old, version=old.version + 1, parent=old.version, generation=old.generation + 1)
            if await models.publish(SEGMENTATION, new.version, new.parent, new.to_json()):
                return


def until_swept(url: str) -> float:
    """Seconds from now until the last row was listed: a sweep is all that lists rows, with HSCAN.

    Raises `RuntimeError` when no sweep begins, or none ends.
    """
    began = time.monotonic()
    first = seen = listed(url)
    moved = began
    while seen == first or time.monotonic() - moved < QUIET_SECONDS:
        time.sleep(POLL_SECONDS)
        now = listed(url)
        if now != seen:
            seen, moved = now, time.monotonic()
        if time.monotonic() - began > (BEGIN_SECONDS if seen == first else LONGEST_SECONDS):
            raise RuntimeError("no sweep begins" if seen == first else "a sweep does not end")
    return moved - began


def listed(url: str) -> int:
    """Calls that have listed rows, since the statistics were reset."""
    with redis.Redis.from_url(url) as client:
        return int(client.info("commandstats").get("cmdstat_hscan", {"calls": 0})["calls"])
