"""Measure how long a sweep over all customers takes after a new model generation."""

import asyncio
import time
from dataclasses import replace
from typing import Final

import redis

from streamseg.clustering.snapshot import Snapshot
from streamseg.wiring.stores import stores
from tests.bench.growth.worker_counters import counted
from tests.bench.testbed import Testbed

SEGMENTATION: Final = "behaviour"
QUIET_SECONDS: Final = 3.0
BEGIN_SECONDS: Final = 30.0
LONGEST_SECONDS: Final = 1_800.0
POLL_SECONDS: Final = 0.05
SWEEPS: Final = "streamseg_membership_sweeps"


async def publish_generation(testbed: Testbed) -> None:
    """Publish the present model as a new generation: every customer is assigned again, and nobody moves."""
    async with stores(testbed.settings) as (_, _, models):
        while True:
            stored = await models.snapshot(SEGMENTATION)
            assert stored is not None
            old = Snapshot.from_json(stored)
            new = replace(old, version=old.version + 1, parent=old.version, generation=old.generation + 1)
            if await models.publish(SEGMENTATION, new.version, new.parent, new.to_json()):
                return


def time_of_a_sweep(testbed: Testbed, port: int) -> float:
    """Publish a new generation; return the seconds until the worker on this machine has swept all its partitions.

    A model that the trainer publishes meanwhile begins the next sweep, which does not count.

    Raises `RuntimeError` when it takes longer than 30 minutes.
    """
    began, before = time.monotonic(), counted(port, SWEEPS)
    asyncio.run(publish_generation(testbed))
    while counted(port, SWEEPS) < before + testbed.partitions:
        time.sleep(POLL_SECONDS)
        if time.monotonic() - began > LONGEST_SECONDS:
            raise RuntimeError("the sweep did not end")
    return time.monotonic() - began


def until_swept(url: str) -> float:
    """Wait for the next sweep; returns the seconds from now until its last HSCAN. Only sweeps call HSCAN.

    Raises `RuntimeError` when no sweep starts within 30 s, or it takes longer than 30 minutes.
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
            raise RuntimeError("no sweep started" if seen == first else "the sweep did not end")
    return moved - began


def until_quiet(url: str) -> None:
    """Wait until no sweep is under way; one that a model of the trainer began would be measured too."""
    seen, moved = listed(url), time.monotonic()
    while time.monotonic() - moved < QUIET_SECONDS:
        time.sleep(POLL_SECONDS)
        if seen != (seen := listed(url)):
            moved = time.monotonic()


def listed(url: str) -> int:
    """HSCAN calls since the server's statistics were reset."""
    with redis.Redis.from_url(url) as client:
        return int(client.info("commandstats").get("cmdstat_hscan", {"calls": 0})["calls"])
