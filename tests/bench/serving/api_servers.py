"""The servers that `streamseg bench serving` compares: the API, and a bare ASGI app that does one GET."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import uvicorn
from redis.asyncio import Redis

from streamseg.errors import StreamsegError
from streamseg.membership.encoding import encode
from streamseg.membership.types import Consent, Membership, OutboxEntry, SegmentMembership
from streamseg.service.key_issuing import issue
from streamseg.settings import RedisSettings
from streamseg.store import key_names as keys
from streamseg.store.redis import RedisMembershipStore, connect
from streamseg.store.redis.api_key_store import RedisApiKeyStore
from streamseg.store.redis.ticket_store import RedisTicketStore
from tests.bench.serving.http_load import host_and_port

ROOT: Final = Path(__file__).parents[3]
CUSTOMERS: Final = 10_000
GREETING_SECONDS: Final = 30.0


class Server(NamedTuple):
    """A running server process."""

    address: str
    pid: int


def serve_bare(redis_url: str) -> None:
    """Serve membership strings with one GET per request and nothing else; the baseline of the API."""
    redis = Redis.from_url(redis_url)

    async def app(scope: Any, _: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        customer_id = scope["path"].removeprefix("/v1/customers/").removesuffix("/segments")
        found = await redis.get(keys.MEMBERSHIP_PREFIX + customer_id)
        assert isinstance(found, bytes)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(found))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": found})

    class PrintingServer(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            port = self.servers[0].sockets[0].getsockname()[1]
            sys.stderr.write(f"serving http://127.0.0.1:{port}\n")
            sys.stderr.flush()

    PrintingServer(
        uvicorn.Config(app, port=0, loop="uvloop", http="httptools", access_log=False, log_config=None, lifespan="off")
    ).run()


@contextmanager
def server(arguments: Sequence[str], environment: Mapping[str, str]) -> Iterator[Server]:
    """Run a Python process that prints `serving ADDRESS` on stderr. Raises `StreamsegError` when it does not."""
    with subprocess.Popen(
        [sys.executable, *arguments], env=os.environ | dict(environment), cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith("serving "):
                    yield Server(line.split()[1], process.pid)
                    break
            else:
                raise StreamsegError(f"the server did not start: {' '.join(arguments)}")
        finally:
            process.terminate()
            process.communicate()


async def fill(redis_url: str) -> str:
    """Write a membership for each customer and a secret API key. Returns the key."""
    now = int(time.time())
    stored, plain = issue("bench", "secret", now)
    redis = connect(RedisSettings(url=redis_url))
    try:
        await RedisApiKeyStore(redis).put(stored)
        segments: dict[str, SegmentMembership | None] = {"behaviour": SegmentMembership("behaviour-k7q2", now, 0.83)}
        consent = Consent(ads=True, personalisation=True)
        await RedisMembershipStore(redis, ttl_seconds=86_400).write(
            [
                OutboxEntry(name, 1, 1, encode(Membership(name, 1, 1, now, {"behaviour": 1}, segments, consent)))
                for name in (f"c-{number}" for number in range(CUSTOMERS))
            ]
        )
    finally:
        await redis.aclose()
    return plain


async def open_streams(
    redis_url: str, address: str, streams: int
) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open event streams, each for another customer, and wait for the first event of each."""
    host, port = host_and_port(address)
    redis = connect(RedisSettings(url=redis_url))
    tickets = RedisTicketStore(redis)
    opened = []
    try:
        for number in range(streams):
            ticket = await tickets.issue(f"c-{number % CUSTOMERS}", 3_600)
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(f"GET /v1/streams/{ticket} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
            opened.append((reader, writer))
        for reader, _ in opened:
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.readuntil(b"id: "), GREETING_SECONDS)
    finally:
        await redis.aclose()
    return opened


if __name__ == "__main__":
    serve_bare(*sys.argv[1:])
