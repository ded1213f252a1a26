"""Measure the console on a shop with a million customers and 40 segments and audiences.

    python -m tests.bench.console.measure_console [--customers 1000000] [--consoles 200] [--seconds 20]

Prints one JSON document: how long pages take to answer and to be drawn, when a change reaches a page, and what open
consoles cost the console and Redis.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from streamseg.embedded.child import free_port, listens
from streamseg.settings import Settings
from tests.bench.console.big_shop import GIVEN, GROUPS, fill, move_one
from tests.bench.console.readers import OpenConsole, milliseconds_to_draw, seconds_to_answer
from tests.bench.process_usage import cpu_seconds, end, resident_bytes, wait
from tests.bench.serving.api_servers import Server
from tests.bench.testbed import Testbed
from tests.support.console_demo import opened
from tests.support.processes import STREAMSEG

PARTITIONS: Final = 8
ROUNDS: Final = 5
CHANGES: Final = 10


def measure(customers: int, consoles: int, seconds: float) -> dict[str, Any]:
    """Return the document."""
    with tempfile.TemporaryDirectory() as folder, Testbed(Path(folder), PARTITIONS) as testbed:
        testbed.given, testbed.audiences = GIVEN, GROUPS
        testbed.empty()
        testbed.clear()
        began = time.monotonic()
        segments = asyncio.run(fill(testbed.settings, PARTITIONS, customers))
        found: dict[str, Any] = {"customers": customers, "segments": len(segments), "audiences": GROUPS}
        found["fill_seconds"] = round(time.monotonic() - began, 1)
        with _console(testbed.environment) as console:
            paths = {
                "overview": "/",
                "segment": f"/segments/{segments[0]}",
                "flows": "/flows",
                "audiences": "/audiences",
                "overlap": "/overlap",
                "customer": "/customers?id=c-77",
            }
            addresses = {name: console.address + path for name, path in paths.items()}
            found["first_answer_ms"] = {name: _ms(seconds_to_answer(one)) for name, one in addresses.items()}
            found["counted_seconds"] = _until_counted(addresses["overlap"])
            found["answer_ms"] = {
                name: _ms(statistics.median(seconds_to_answer(one) for _ in range(ROUNDS)))
                for name, one in addresses.items()
            }
            drawn = [milliseconds_to_draw([*addresses.values()]) for _ in range(3)]
            found["drawn_ms"] = {
                name: round(statistics.median(one[place] for one in drawn), 1) for place, name in enumerate(addresses)
            }
            sys.stderr.write(f"{json.dumps(found)}\n")
            pages = [*paths.values()]
            listening = _open(console, testbed.settings, segments, pages, consoles=consoles, seconds=seconds)
            found |= asyncio.run(listening)
            found["console_mb"] = resident_bytes(console.pid) // 2**20
    return found


@contextmanager
def _console(environment: Mapping[str, str]) -> Iterator[Server]:
    port = free_port()
    command = [*STREAMSEG, "console", "--demo", "--port", str(port), "--log-level", "error"]
    process = subprocess.Popen(command, env=os.environ | dict(environment))
    try:
        wait(process, lambda: listens(port), 60, "the console")
        yield Server(f"http://127.0.0.1:{port}", process.pid)
    finally:
        end(process)


async def _open(
    console: Server, settings: Settings, segments: Sequence[str], paths: Sequence[str], *, consoles: int, seconds: float
) -> dict[str, Any]:
    """Return when a change reaches a page, and what open consoles cost, with a change each second."""
    found: dict[str, Any] = {}
    one = await OpenConsole.open(console.address, "/")
    reading = [asyncio.create_task(one.read())]
    await asyncio.sleep(3)
    delays = []
    for _ in range(CHANGES):
        await asyncio.sleep(1.37)  # not in step with the looks
        before = one.parts
        await move_one(settings, list(segments))
        changed = time.monotonic()
        while one.parts == before:
            await asyncio.sleep(0.005)
            if time.monotonic() - changed > 10:
                raise RuntimeError("the change does not reach the page")
        delays.append(one.latest - changed)
    found["change_seconds"] = {"median": round(statistics.median(delays), 2), "most": round(max(delays), 2)}
    found["idle_cores"] = await _cores(console.pid, settings, segments, seconds)
    opened = [await OpenConsole.open(console.address, paths[place % len(paths)]) for place in range(consoles - 1)]
    reading += [asyncio.create_task(each.read()) for each in opened]
    await asyncio.sleep(5)
    found["open_cores"] = await _cores(console.pid, settings, segments, seconds)
    found["listening"] = sum(each.parts > 0 for each in [one, *opened])
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    for each in [one, *opened]:
        await each.close()
    return found


def _until_counted(address: str) -> float:
    """Return the time until all customers were counted for the first time; pages say so meanwhile."""
    began = time.monotonic()
    while b"data-reading" in opened(address):
        time.sleep(0.5)
    return round(time.monotonic() - began, 1)


async def _cores(pid: int, settings: Settings, segments: Sequence[str], seconds: float) -> float:
    """Return the share of a core that the console takes while one customer a second moves."""
    before, began = cpu_seconds(pid), time.monotonic()
    while time.monotonic() - began < seconds:
        await move_one(settings, list(segments))
        await asyncio.sleep(1)
    return round((cpu_seconds(pid) - before) / (time.monotonic() - began), 3)


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--consoles", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    sys.stdout.write(json.dumps(measure(given.customers, given.consoles, given.seconds), indent=2) + "\n")
