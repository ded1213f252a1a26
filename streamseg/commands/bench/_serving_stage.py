"""What `streamseg bench serving` measures: the API and a bare app as processes, memberships, and open event streams."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

import click

CUSTOMERS: Final = 10_000


class Server(NamedTuple):
    """A process that answers."""

    address: str
    pid: int


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
def process(arguments: Sequence[str], environment: dict[str, str]) -> Iterator[Server]:
    """A server that says where it listens."""
    command_line = [sys.executable, *arguments]
    with subprocess.Popen(  # noqa: S603 - our own arguments
        command_line, env=os.environ | environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith("serving "):
                    yield Server(line.split()[1], process.pid)
                    break
            else:
                raise click.ClickException("a server did not start")
        finally:
            process.terminate()
            process.communicate()


async def fill(redis_url: str) -> str:
    """Write a membership for each customer, and a secret key, which is returned."""
    from streamseg.membership.encoding import encode
    from streamseg.membership.types import Consent, Membership, OutboxEntry, SegmentMembership
    from streamseg.service.key_issuing import issue
    from streamseg.settings import RedisSettings
    from streamseg.store.redis import RedisMembershipStore, connect
    from streamseg.store.redis.api_key_store import RedisApiKeyStore

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


async def hold(redis_url: str, address: str, streams: int) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open event streams, each of its own customer, and wait for their greetings."""
    from streamseg.commands.bench._serving_load import where_is
    from streamseg.settings import RedisSettings
    from streamseg.store.redis import connect
    from streamseg.store.redis.ticket_store import RedisTicketStore

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
