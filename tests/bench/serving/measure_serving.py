"""Measure lookups, batches and open event streams of the API, compared with a bare ASGI app in the same run."""

import asyncio
import gc
import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import uvloop

from streamseg.embedded import RedisServer
from tests.bench.percentiles import percentiles
from tests.bench.serving.api_servers import CUSTOMERS, Server, fill, open_streams, server
from tests.bench.serving.core_time import Share, scheduled
from tests.bench.serving.http_load import flat_out, get, paced, post, wrk

BATCH: Final = 100
BATCHES_PER_SECOND: Final = 20.0
WARM_UP_SECONDS: Final = 1
UNLIMITED: Final = {
    "STREAMSEG_API__REQUESTS_PER_SECOND": "1e9",
    "STREAMSEG_API__REQUESTS_PER_SECOND_PER_KEY": "1e9",
    "STREAMSEG_API__STREAMS_PER_CUSTOMER": "20000",
    "STREAMSEG_API__STREAMS_PER_TICKET": "20000",
    "STREAMSEG_API__LEAVE_SECONDS": "0",
    "STREAMSEG_API__STREAMS_LIMIT": "20000",
}
"""Settings of the measured API."""


def measure(*, seconds: int, rounds: int, streams: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure the API and the bare app in turn, `seconds` each. Returns the `--json` document.

    `say` receives the name of each step, `2 * rounds + 1` of them and one more with `streams`.
    """
    with RedisServer() as redis:
        key = asyncio.run(fill(redis.url))
        with (
            server(["-m", "tests.bench.serving.api_servers", redis.url], {}) as bare,
            server(
                ["-m", "streamseg.commands", "api", "--port", "0"], {"STREAMSEG_REDIS__URL": redis.url, **UNLIMITED}
            ) as ours,
        ):
            return uvloop.run(_Measurement(key, bare, ours, seconds, say).run(redis.url, rounds, streams))


class _Measurement:
    """One run against both servers; counts failed requests of all steps."""

    def __init__(self, key: str, bare: Server, ours: Server, seconds: int, say: Callable[[str], None]) -> None:
        self._key = key
        self._bare = bare
        self._ours = ours
        self._seconds = seconds
        self._say = say
        self._failed = 0

    async def run(self, redis_url: str, rounds: int, streams: int) -> dict[str, Any]:
        """All steps; the answer."""
        gc.collect()
        gc.freeze()  # pauses of the load generator would count as the server's
        for one in (self._bare, self._ours):
            await self._highest_rate(one, WARM_UP_SECONDS)
        highest = []
        for _ in range(rounds):
            self._say("highest rate")
            bare = await self._highest_rate(self._bare, self._seconds)
            highest.append((bare, await self._highest_rate(self._ours, self._seconds)))
        rate = statistics.median(ours for _, (ours, _) in highest)
        paced_bare, paced_ours = [], []
        for _ in range(rounds):
            self._say("half of the highest rate")
            paced_bare.append(await self._steady(self._bare, self._lookup, rate / 2))
            paced_ours.append(await self._steady(self._ours, self._lookup, rate / 2))
        self._say(f"batches of {BATCH}")
        batches, _ = await self._steady(self._ours, self._batch, BATCHES_PER_SECOND)
        answer: dict[str, Any] = {
            "requests_per_second": round(rate, 1),
            "bare_requests_per_second": round(statistics.median(bare for (bare, _), _ in highest), 1),
            "ratio": round(statistics.median(ours / bare for (bare, _), (ours, _) in highest), 3),
            "latency_seconds": _median_latency(paced_ours),
            "bare_latency_seconds": _median_latency(paced_bare),
            "batch_latency_seconds": batches,
            "streams": 0,
            "generator": highest[0][0][1],
            "cpu_seconds_per_lookup": _median(share.cpu_seconds for _, share in paced_ours),
            "bare_cpu_seconds_per_lookup": _median(share.cpu_seconds for _, share in paced_bare),
            "waited_for_a_core": _median(share.waited for _, share in paced_ours),
            "bare_waited_for_a_core": _median(share.waited for _, share in paced_bare),
        }
        if streams:
            self._say(f"half of the highest rate, with {streams} open streams")
            answer |= await self._with_streams(redis_url, rate / 2, rounds, streams)
        return answer | {"failed": self._failed}

    async def _with_streams(self, redis_url: str, rate: float, rounds: int, streams: int) -> dict[str, Any]:
        opened = await open_streams(redis_url, self._ours.address, streams)
        await asyncio.sleep(1)
        latencies = [await self._steady(self._ours, self._lookup, rate) for _ in range(rounds)]
        still_open = sum(not reader.at_eof() for reader, _ in opened)
        for _, writer in opened:
            writer.close()
        return {"latency_with_streams_seconds": _median_latency(latencies), "streams": still_open}

    async def _highest_rate(self, one: Server, seconds: int) -> tuple[float, str]:
        """Requests per second, and which generator measured them."""
        by_wrk = await asyncio.to_thread(wrk, one.address, self._key, CUSTOMERS, seconds)
        rate, failed = by_wrk or await flat_out(one.address, self._lookup, seconds)
        self._failed += failed
        return rate, "wrk" if by_wrk else "asyncio"

    async def _steady(
        self, one: Server, request: Callable[[int], bytes], per_second: float
    ) -> tuple[dict[str, float], Share]:
        before = scheduled(one.pid)
        latencies, failed = await paced(one.address, request, per_second, self._seconds)
        self._failed += failed
        return _percentiles(latencies), Share.between(before, scheduled(one.pid), len(latencies))

    def _lookup(self, number: int) -> bytes:
        return get(f"/v1/customers/c-{number * 7_919 % CUSTOMERS}/segments", self._key)

    def _batch(self, number: int) -> bytes:
        ids = [f"c-{(number * BATCH + each) % CUSTOMERS}" for each in range(BATCH)]
        return post("/v1/segments:batchGet", self._key, json.dumps({"ids": ids}).encode())


def _median_latency(rounds: Sequence[tuple[dict[str, float], Share]]) -> dict[str, float]:
    return {name: statistics.median(latency[name] for latency, _ in rounds) for name in rounds[0][0]}


def _median(values: Iterable[float]) -> float:
    return round(float(statistics.median(values)), 6)


def _percentiles(latencies: list[float]) -> dict[str, float]:
    found = percentiles(latencies)
    return {name: found[name] for name in ("p50", "p99")}
