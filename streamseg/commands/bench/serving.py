"""`streamseg bench serving`: how fast the API answers, beside a bare ASGI app that does one GET, in the same run."""

import asyncio
import gc
import json
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import click

from streamseg.commands.bench._serving_stage import CUSTOMERS, Server, fill, hold, process
from streamseg.commands.bench._share_of_cpu import Share, scheduled

BATCH: Final = 100
BATCHES_PER_SECOND: Final = 20.0

Tell: TypeAlias = Callable[[str], None]
"""Told what is measured next."""


@click.command("serving")
@click.option("--seconds", type=click.IntRange(1, 60), default=5, show_default=True, help="Of each measurement.")
@click.option("--rounds", type=click.IntRange(1, 20), default=3, show_default=True, help="Bare and ours by turns.")
@click.option("--streams", type=click.IntRange(0, 10_000), default=1_000, show_default=True, help="Held open.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(seconds: int, rounds: int, streams: int, as_json: bool) -> None:
    """Measure lookups, batches and open event streams on an own Redis and own processes.

    Latencies are medians over the rounds. The server that is asked shares the machine with Redis and with the load: of
    the time that it could have run, `waited_for_a_core` is the part that it did not. Above a few percent, latencies
    are those of a machine that is too small or busy.
    """
    from streamseg.embedded import RedisServer

    with RedisServer() as redis:
        answer = _measure(redis.url, seconds, rounds, streams)
    if as_json:
        click.echo(json.dumps(answer))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("measured", "value")
    for name, value in answer.items():
        table.add_row(name, json.dumps(value))
    Console().print(table)


def _measure(redis_url: str, seconds: int, rounds: int, streams: int) -> dict[str, Any]:
    import uvloop

    key = asyncio.run(fill(redis_url))
    environment = {
        "STREAMSEG_REDIS__URL": redis_url,
        "STREAMSEG_API__REQUESTS_PER_SECOND": "1e9",
        "STREAMSEG_API__REQUESTS_PER_SECOND_PER_KEY": "1e9",
        "STREAMSEG_API__STREAMS_LIMIT": "20000",
        "STREAMSEG_API__STREAMS_PER_CUSTOMER": "20000",
        "STREAMSEG_API__STREAMS_PER_TICKET": "20000",
        "STREAMSEG_API__LEAVE_SECONDS": "0",
    }
    bare_code = f"from streamseg.commands.bench._serving_stage import serve_bare; serve_bare({redis_url!r})"
    steps = 2 * rounds + 1 + bool(streams)
    with (
        process(["-c", bare_code], {}) as bare,
        process(["-m", "streamseg.commands", "api", "--port", "0"], environment) as ours,
        _progress(steps) as tell,
    ):
        return uvloop.run(
            _ask(redis_url, key, bare=bare, ours=ours, seconds=seconds, rounds=rounds, streams=streams, tell=tell)
        )


@contextmanager
def _progress(steps: int) -> Iterator[Tell]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("starting", total=steps)

        def tell(what: str) -> None:
            progress.update(bar, description=what, advance=1)

        yield tell


async def _ask(
    redis_url: str, key: str, *, bare: Server, ours: Server, seconds: int, rounds: int, streams: int, tell: Tell
) -> dict[str, Any]:
    from streamseg.commands.bench._serving_load import flat_out, get, paced, post, wrk

    def lookup(number: int) -> bytes:
        return get(f"/v1/customers/c-{number * 7_919 % CUSTOMERS}/segments", key)

    def batch(number: int) -> bytes:
        ids = [f"c-{(number * BATCH + each) % CUSTOMERS}" for each in range(BATCH)]
        return post("/v1/segments:batchGet", key, json.dumps({"ids": ids}).encode())

    failed = 0

    async def most(server: Server, length: int) -> tuple[float, str]:
        nonlocal failed
        by_wrk = await asyncio.to_thread(wrk, server.address, key, CUSTOMERS, length)
        rate, wrong = by_wrk or await flat_out(server.address, lookup, length)
        failed += wrong
        return rate, "wrk" if by_wrk else "asyncio"

    async def steady(
        server: Server, request: Callable[[int], bytes], per_second: float
    ) -> tuple[dict[str, float], Share]:
        nonlocal failed
        before = scheduled(server.pid)
        latencies, wrong = await paced(server.address, request, per_second, seconds)
        failed += wrong
        return _percentiles(latencies), Share.between(before, scheduled(server.pid), len(latencies))

    gc.collect()
    gc.freeze()  # the generator's own pauses would count as the server's
    for server in (bare, ours):
        await most(server, 1)
    taken = []
    for _ in range(rounds):
        tell("as many as they take")
        taken.append((await most(bare, seconds), await most(ours, seconds)))
    rate = statistics.median(rate for _, (rate, _) in taken)
    paced_bare, paced_ours = [], []
    for _ in range(rounds):
        tell("half as many")
        paced_bare.append(await steady(bare, lookup, rate / 2))
        paced_ours.append(await steady(ours, lookup, rate / 2))
    tell("batches of 100")
    batches, _ = await steady(ours, batch, BATCHES_PER_SECOND)
    answer: dict[str, Any] = {
        "requests_per_second": round(rate, 1),
        "bare_requests_per_second": round(statistics.median(rate for (rate, _), _ in taken), 1),
        "ratio": round(statistics.median(own / base for (base, _), (own, _) in taken), 3),
        "latency_seconds": _median(paced_ours),
        "bare_latency_seconds": _median(paced_bare),
        "batch_latency_seconds": batches,
        "streams": 0,
        "generator": taken[0][0][1],
        "cpu_seconds_per_lookup": _middle(share.cpu_seconds for _, share in paced_ours),
        "bare_cpu_seconds_per_lookup": _middle(share.cpu_seconds for _, share in paced_bare),
        "waited_for_a_core": _middle(share.waited for _, share in paced_ours),
        "bare_waited_for_a_core": _middle(share.waited for _, share in paced_bare),
    }
    if streams:
        tell(f"half as many, beside {streams} streams")
        held = await hold(redis_url, ours.address, streams)
        await asyncio.sleep(1)
        answer["latency_with_streams_seconds"] = _median([await steady(ours, lookup, rate / 2) for _ in range(rounds)])
        answer["streams"] = sum(not reader.at_eof() for reader, _ in held)
        for _, writer in held:
            writer.close()
    return answer | {"failed": failed}


def _median(rounds: Sequence[tuple[dict[str, float], Share]]) -> dict[str, float]:
    return {name: statistics.median(latency[name] for latency, _ in rounds) for name in rounds[0][0]}


def _middle(values: Iterable[float]) -> float:
    return round(float(statistics.median(values)), 6)


def _percentiles(latencies: list[float]) -> dict[str, float]:
    return {
        name: round(latencies[min(len(latencies) - 1, int(len(latencies) * share))], 6)
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }
