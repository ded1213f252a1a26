"""Unfit servers and wrong Redis settings are refused with one line."""

from collections.abc import Callable

import pytest

from streamseg.embedded import RedisServer
from streamseg.errors import SettingsError
from streamseg.settings import RedisSettings
from streamseg.settings.addresses import redis_hosts
from streamseg.store.redis import RedisStateStore, connect
from tests.contracts.stores import connected, connected_to_one

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "allkeys-random"])
async def test_a_server_that_evicts_data_is_refused(
    start_redis_server: Callable[..., RedisServer], policy: str
) -> None:
    async with connected(start_redis_server("--maxmemory-policy", policy).url) as client:
        with pytest.raises(SettingsError, match=rf"^[^\n]*noeviction \(now {policy}\)$"):
            await RedisStateStore(client).check()


async def test_a_replica_is_refused(start_redis_server: Callable[..., RedisServer]) -> None:
    server = start_redis_server("--replicaof", "127.0.0.1", "1")
    async with connected(server.url) as client:
        with pytest.raises(SettingsError, match="read-only replica"):
            await RedisStateStore(client).check()


async def test_a_cluster_node_needs_the_cluster_scheme(cluster_url: str) -> None:
    one = f"redis://127.0.0.1:{redis_hosts(cluster_url)[0][1]}/0"
    async with connected(one) as client:
        with pytest.raises(SettingsError, match=r"redis\+cluster://"):
            await RedisStateStore(client).check()


async def test_wrong_credentials_are_a_settings_error(
    start_redis_server: Callable[..., RedisServer],
) -> None:
    server = start_redis_server()
    async with connected_to_one(server.url) as client:
        await client.config_set("requirepass", "hidden-word")
    async with connected(server.url, password="hidden-word") as client:
        await RedisStateStore(client).check()
    async with connected(server.url, password="guessed-word") as client:
        with pytest.raises(SettingsError, match="Redis refuses us") as refused:
            await RedisStateStore(client).check()
        assert "guessed-word" not in str(refused.value)


async def test_a_tls_option_without_tls_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match=r"^setting redis\.[^\n]+$"):
        connect(RedisSettings(url="redis://127.0.0.1:6379", ssl_ca_file="ca.pem"))


@pytest.mark.parametrize("appendonly", ["yes", "no"])
async def test_a_server_without_an_append_only_file_is_named_in_the_log(
    start_redis_server: Callable[..., RedisServer], appendonly: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Issue 13, item 24: it started without a word."""
    async with connected(start_redis_server("--appendonly", appendonly).url) as client:
        await RedisStateStore(client).check()
    said = [one.getMessage() for one in caplog.records if "append-only" in one.getMessage()]
    assert [line.endswith("Set appendonly to yes") for line in said] == [True] * (appendonly == "no")


@pytest.mark.parametrize("address", ["one", "cluster"])
async def test_the_memory_of_each_primary_is_told(
    start_redis_server: Callable[..., RedisServer], request: pytest.FixtureRequest, address: str
) -> None:
    url = start_redis_server("--maxmemory", "64mb").url if address == "one" else request.getfixturevalue("cluster_url")
    async with connected(url) as client:
        told = await RedisStateStore(client).memory()
    assert all(used > 100_000 for used, _ in told.values())
    assert [limit for _, limit in told.values()] == ([67_108_864] if address == "one" else [0, 0, 0])
