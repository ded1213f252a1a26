"""The stores under contract: in memory, on one real server, on a real Cluster of two nodes."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from itertools import count

import pytest
import pytest_asyncio
import redis

from streamseg.embedded import RedisServer
from streamseg.ports import StateStore
from tests.contracts.stores import Stores, connected, stores_in_memory, stores_on_redis

SLOTS = 16_384


@pytest.fixture(scope="session")
def cluster_url() -> Iterator[str]:
    """A Cluster of two primaries."""
    with ExitStack() as servers:
        nodes = [servers.enter_context(RedisServer(options=("--cluster-enabled", "yes"))) for _ in range(2)]
        clients = [servers.enter_context(redis.Redis.from_url(node.url, socket_timeout=5)) for node in nodes]
        for number, client in enumerate(clients):
            client.execute_command("CLUSTER ADDSLOTS", *range(number * SLOTS // 2, (number + 1) * SLOTS // 2))
            client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        clients[0].execute_command("CLUSTER MEET", "127.0.0.1", str(nodes[1].port))
        until = time.monotonic() + 20
        while any(client.execute_command("CLUSTER INFO")["cluster_state"] != "ok" for client in clients):
            assert time.monotonic() < until, "the Cluster did not form"
            time.sleep(0.05)
        yield nodes[0].url.replace("redis://", "redis+cluster://")


@pytest.fixture(params=["memory", "redis", "cluster"])
def store_url(request: pytest.FixtureRequest) -> str | None:
    """The URL of each implementation, None for the one in memory."""
    if request.param == "memory":
        return None
    url: str = request.getfixturevalue("redis_url" if request.param == "redis" else "cluster_url")
    return url


@pytest_asyncio.fixture
async def stores(store_url: str | None) -> AsyncIterator[Stores]:
    """Each implementation of the stores, empty."""
    if store_url is None:
        yield stores_in_memory()
        return
    async with connected(store_url) as client:
        await client.flushdb()
        yield stores_on_redis(client)


_numbers = count(1)


@pytest.fixture
def partition() -> int:
    """A partition that no other test uses."""
    return next(_numbers)


@pytest.fixture
def state(stores: Stores) -> StateStore:
    """Each implementation of the state store, empty."""
    return stores.state
