"""`streamseg bench serving`: how fast the API answers, beside a bare ASGI app that does one GET, in the same run."""

import asyncio
import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import click

CUSTOMERS: Final = 10_000
BATCH: Final = 100
BATCHES_PER_SECOND: Final = 20.0


@click.command("serving")
@click.option("--seconds", type=click.IntRange(1, 60), default=5, show_default=True, help="Of each measurement.")
@click.option("--rounds", type=click.IntRange(1, 20), default=3, show_default=True, help="Bare and ours by turns.")
@click.option("--streams", type=click.IntRange(0, 10_000), default=1_000, show_default=True, help="Held open.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(seconds: int, rounds: int, streams: int, as_json: bool) -> None:
    """Measure lookups, batches and open event streams on an own Redis and own processes."""
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


def serve_bare(redis_url: str) -> None:
    """What the API is compared with: one GET, the bytes, nothing else."""
    import uvicorn
    from redis.asyncio import Redis

    redis = Redis.from_url(redis_url)

    async def app(scope: Any, _: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        found = await redis.get(f"ssg:v1:m:{scope['path'][14:-9]}")
        assert isinstance(found, bytes)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(found))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": found})

    class Announced(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            port = self.servers[0].sockets[0].getsockname()[1]
            sys.stderr.write(f"serving http://127.0.0.1:{port}\n")
            sys.stderr.flush()

    Announced(
        uvicorn.Config(app, port=0, loop="uvloop", http="httptools", access_log=False, log_config=None, lifespan="off")
    ).run()


@contextmanager
def _process(arguments: Sequence[str], environment: dict[str, str]) -> Iterator[str]:
    """A server that says where it listens; its address."""
    command_line = [sys.executable, *arguments]
    with subprocess.Popen(  # noqa: S603 - our own arguments
        command_line, env=os.environ | environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith("serving "):
                    yield line.split()[1]
                    break
            else:
                raise click.ClickException("a server did not start")
        finally:
            process.terminate()
            process.communicate()


def _measure(redis_url: str, seconds: int, rounds: int, streams: int) -> dict[str, Any]:
    import uvloop

    key = asyncio.run(_fill(redis_url))
    environment = {
        "STREAMSEG_REDIS__URL": redis_url,
        "STREAMSEG_API__REQUESTS_PER_SECOND": "1e9",
        "STREAMSEG_API__REQUESTS_PER_SECOND_PER_KEY": "1e9",
        "STREAMSEG_API__STREAMS_LIMIT": "20000",
    }
    bare_code = f"from streamseg.commands.bench.serving import serve_bare; serve_bare({redis_url!r})"
    with (
        _process(["-c", bare_code], {}) as bare,
        _process(["-m", "streamseg.commands", "api", "--port", "0"], environment) as ours,
    ):
        return uvloop.run(_ask(redis_url, key, bare=bare, ours=ours, seconds=seconds, rounds=rounds, streams=streams))


async def _fill(redis_url: str) -> str:
    from streamseg.api.issuing import issue
    from streamseg.membership.encoding import encode
    from streamseg.membership.types import Consent, Membership, OutboxEntry, SegmentMembership
    from streamseg.settings import RedisSettings
    from streamseg.store.redis import RedisMembershipStore, connect
    from streamseg.store.redis.api_keys import RedisApiKeyStore

    now = int(time.time())
    stored, plain = issue("bench", "secret", now)
    redis = connect(RedisSettings(url=redis_url))
    try:
        await RedisApiKeyStore(redis).put(stored)
        standing: dict[str, SegmentMembership | None] = {"behaviour": SegmentMembership("behaviour-k7q2", now, 0.83)}
        consent = Consent(ads=True, personalisation=True)
        await RedisMembershipStore(redis, ttl_seconds=86_400).write(
            [
                OutboxEntry(name, 1, 1, encode(Membership(name, 1, 1, now, {"behaviour": 1}, standing, consent)))
                for name in (f"c-{number}" for number in range(CUSTOMERS))
            ]
        )
    finally:
        await redis.aclose()
    return plain


async def _ask(
    redis_url: str, key: str, *, bare: str, ours: str, seconds: int, rounds: int, streams: int
) -> dict[str, Any]:
    from streamseg.commands.bench.serving_load import flat_out, get, paced, post, wrk

    def lookup(number: int) -> bytes:
        return get(f"/v1/customers/c-{number * 7_919 % CUSTOMERS}/segments", key)

    def batch(number: int) -> bytes:
        ids = [f"c-{(number * BATCH + each) % CUSTOMERS}" for each in range(BATCH)]
        return post("/v1/segments:batchGet", key, json.dumps({"ids": ids}).encode())

    async def most(address: str, length: int) -> tuple[float, str]:
        by_wrk = await asyncio.to_thread(wrk, address, key, CUSTOMERS, length)
        return (by_wrk, "wrk") if by_wrk is not None else (await flat_out(address, lookup, length), "asyncio")

    gc.collect()
    gc.freeze()  # the generator's own pauses would count as the server's
    for address in (bare, ours):
        await most(address, 1)
    taken = [(await most(bare, seconds), await most(ours, seconds)) for _ in range(rounds)]
    bare_rate = statistics.median(rate for (rate, _), _ in taken)
    rate = statistics.median(rate for _, (rate, _) in taken)
    latencies, failed = await paced(ours, lookup, rate / 2, seconds)
    batches, batches_failed = await paced(ours, batch, BATCHES_PER_SECOND, seconds)
    answer: dict[str, Any] = {
        "requests_per_second": round(rate, 1),
        "bare_requests_per_second": round(bare_rate, 1),
        "ratio": round(statistics.median(own / base for (base, _), (own, _) in taken), 3),
        "latency_seconds": _percentiles(latencies),
        "batch_latency_seconds": _percentiles(batches),
        "streams": 0,
        "failed": failed + batches_failed,
        "generator": taken[0][0][1],
    }
    if streams:
        held = await _hold(redis_url, ours, streams)
        await asyncio.sleep(1)
        with_streams, failed = await paced(ours, lookup, rate / 2, seconds)
        answer["streams"] = sum(not reader.at_eof() for reader, _ in held)
        answer["latency_with_streams_seconds"] = _percentiles(with_streams)
        answer["failed"] += failed
        for _, writer in held:
            writer.close()
    return answer


async def _hold(redis_url: str, address: str, streams: int) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open event streams, each of its own customer, and wait for their greetings."""
    from streamseg.commands.bench.serving_load import where_is
    from streamseg.settings import RedisSettings
    from streamseg.store.redis import connect
    from streamseg.store.redis.notices import RedisTicketStore

    host, port = where_is(address)
    redis = connect(RedisSettings(url=redis_url))
    tickets = RedisTicketStore(redis)
    held = []
    try:
        for number in range(streams):
            ticket = await tickets.issue(f"c-{number % CUSTOMERS}", 3_600)
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(f"GET /v1/streams/{ticket} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
            held.append((reader, writer))
        for reader, _ in held:
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.readuntil(b"id: "), 30)
    finally:
        await redis.aclose()
    return held


def _percentiles(latencies: list[float]) -> dict[str, float]:
    return {
        name: round(latencies[min(len(latencies) - 1, int(len(latencies) * share))], 6)
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }
