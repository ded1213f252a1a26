"""The stores under contract: the twin in memory, one real server, a real Cluster of two nodes."""

import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio
import redis

from streamseg.ports import MembershipStore, ModelStore, StateStore
from streamseg.settings import RedisSettings
from streamseg.store.memory import MemoryMembershipStore, MemoryModelStore, MemoryStateStore
from streamseg.store.redis import RedisMembershipStore, RedisModelStore, RedisStateStore, connect

TTL_SECONDS = 1_000
SLOTS = 16_384


@dataclass(frozen=True)
class Stores:
    """One implementation of each port."""

    state: StateStore
    memberships: MembershipStore
    models: ModelStore


@dataclass
class Server:
    """A redis-server of our own."""

    url: str
    process: "subprocess.Popen[bytes]"

    def client(self) -> "redis.Redis":
        return redis.Redis.from_url(self.url, socket_timeout=5)


def _free_port() -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 55_000:  # a Cluster node listens on port + 10,000 as well
            return port


@contextmanager
def serve(folder: Path, *options: str) -> Iterator[Server]:
    program = shutil.which("redis-server")
    assert program is not None, "redis-server is not installed"
    port = _free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    server = Server(f"redis://127.0.0.1:{port}/0", process)
    try:
        until = time.monotonic() + 10
        while True:
            try:
                with server.client() as client:
                    client.ping()
                break
            except redis.ConnectionError:
                assert time.monotonic() < until, "redis-server did not start"
                time.sleep(0.02)
        yield server
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def start_redis(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers of the test's own, with options; they end with the test."""
    with ExitStack() as servers:
        yield lambda *options: servers.enter_context(serve(tmp_path, *options))


@pytest.fixture(scope="session")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Cluster of two primaries."""
    with ExitStack() as servers:
        nodes = [
            servers.enter_context(serve(tmp_path_factory.mktemp("node"), "--cluster-enabled", "yes")) for _ in range(2)
        ]
        clients = [servers.enter_context(node.client()) for node in nodes]
        for number, client in enumerate(clients):
            client.execute_command("CLUSTER ADDSLOTS", *range(number * SLOTS // 2, (number + 1) * SLOTS // 2))
            client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        port = nodes[1].url.rpartition(":")[2].partition("/")[0]
        clients[0].execute_command("CLUSTER MEET", "127.0.0.1", port)
        until = time.monotonic() + 20
        while any(client.execute_command("CLUSTER INFO")["cluster_state"] != "ok" for client in clients):
            assert time.monotonic() < until, "the Cluster did not form"
            time.sleep(0.05)
        yield nodes[0].url.replace("redis://", "redis+cluster://")


@pytest_asyncio.fixture(params=["memory", "redis", "cluster"])
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[Stores]:
    """Each implementation of the stores, empty."""
    if request.param == "memory":
        yield Stores(MemoryStateStore(), MemoryMembershipStore(ttl_seconds=TTL_SECONDS), MemoryModelStore())
        return
    url = request.getfixturevalue("redis_url" if request.param == "redis" else "cluster_url")
    client = connect(RedisSettings(url=url))
    try:
        await client.flushdb()
        yield Stores(
            RedisStateStore(client), RedisMembershipStore(client, ttl_seconds=TTL_SECONDS), RedisModelStore(client)
        )
    finally:
        await client.aclose()


_numbers = count(1)


@pytest.fixture
def partition() -> int:
    """A partition that no other test uses."""
    return next(_numbers)
