"""The stores under contract: in memory, on one real server, on a real Cluster of three primaries."""

from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest
import pytest_asyncio

from streamseg.ports import StateStore
from tests.contracts.stores import Stores, connected, stores_in_memory, stores_on_redis
from tests.support.redis_cluster import RedisCluster


@pytest.fixture(scope="session")
def cluster_url() -> Iterator[str]:
    """The URL of a Cluster of three primaries that all tests share."""
    with RedisCluster(replicas=0) as cluster:
        yield cluster.url


@pytest.fixture
def cluster() -> Iterator[RedisCluster]:
    """A Cluster of three primaries and three replicas, of this test."""
    with RedisCluster() as servers:
        yield servers


@pytest.fixture
def without_replicas() -> Iterator[RedisCluster]:
    """A Cluster of three primaries that nobody replaces, of this test."""
    with RedisCluster(replicas=0) as servers:
        yield servers


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
