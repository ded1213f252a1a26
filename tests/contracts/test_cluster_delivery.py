"""A partition on a real Cluster: strings that a failover loses come back, and a node away stops only its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest

from streamseg.embedded import RedisServer
from streamseg.errors import StoreUnavailableError
from streamseg.membership.encoding import order_of
from streamseg.store import key_names as keys
from streamseg.store.ads_mirror import AdsMirror
from streamseg.store.redis import RedisMembershipStore, RedisModelStore, RedisStateStore
from streamseg.store.redis.servers.slots import slot_of
from streamseg.topics import CLICKS, MEMBERSHIPS
from streamseg.worker.partition import outbox_relay
from tests.contracts.stores import connected
from tests.support.partition import NUMBER, QUICK, SNAPSHOT, OnePartition, Servers, until
from tests.support.redis_cluster import RedisCluster

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

CUSTOMERS = [f"c-{number}" for number in range(60)]
LATER = [f"d-{number}" for number in range(60)]
PACE = replace(QUICK, outbox_trim=0.1, kept_retry=0.1)
RECOVERY_SECONDS = 30


@asynccontextmanager
async def working(nodes: RedisCluster) -> AsyncIterator[tuple[Servers, OnePartition]]:
    """A worker of one partition, whose rows and strings are on the Cluster and its model and log in memory."""
    async with connected(nodes.url, timeout_seconds=1.0) as client:
        servers = Servers()
        await servers.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
        memberships = RedisMembershipStore(client, ttl_seconds=10**6)
        views = RedisMembershipStore(client, ttl_seconds=10**6, prefix=keys.ADS_PREFIX)
        servers.state = cast("Any", RedisStateStore(client))
        servers.memberships = cast("Any", AdsMirror(memberships, views, RedisModelStore(client), 1))
        worker = OnePartition(servers, "w-1", pace=PACE)
        await worker.begin()
        try:
            yield servers, worker
        finally:
            await worker.close()


def click(servers: Servers, customers: Sequence[str], number: int = 0) -> None:
    """Append one click of each customer."""
    for at, customer in enumerate(customers):
        servers.log.event(CLICKS, customer, f"{customer}-{number}", number * 100.0 + at, event_name="view_item")


def home_of(nodes: RedisCluster) -> RedisServer:
    """The node of the partition's rows."""
    return nodes.serving(slot_of(keys.metadata(NUMBER).encode()))


def on(nodes: RedisCluster, node: RedisServer, customers: Sequence[str]) -> list[str]:
    """The customers with a string on this node."""
    found = [
        one
        for one in customers
        if node in [nodes.serving(slot_of(name.encode())) for name in (keys.membership(one), keys.ADS_PREFIX + one)]
    ]
    assert 0 < len(found) < len(customers)
    return found


async def have_strings(servers: Servers, customers: Sequence[str]) -> bool:
    try:
        return None not in await servers.memberships.read(customers)
    except StoreUnavailableError:
        return False


async def until_have_strings(servers: Servers, customers: Sequence[str]) -> None:
    async with asyncio.timeout(RECOVERY_SECONDS):
        while not await have_strings(servers, customers):
            await asyncio.sleep(0.02)


def told(servers: Servers) -> dict[str, list[tuple[int, int]]]:
    """(epoch, seq) of the change records by customer, as they lie on the topic."""
    found: dict[str, list[tuple[int, int]]] = {}
    for record in servers.log.records[MEMBERSHIPS]:
        order = order_of(record.value or b"")
        assert order is not None
        found.setdefault((record.key or b"").decode(), []).append(order)
    return found


@pytest.mark.parametrize("afterwards", ["idle", "busy"])
async def test_strings_that_a_failover_loses_are_delivered_again(cluster: RedisCluster, afterwards: str) -> None:
    """The rows lie on another node, so nothing but the new primary tells of the loss."""
    home = home_of(cluster)
    primary = next(node for node in cluster.primaries() if node is not home)
    replica = cluster.replica_of(primary)
    async with working(cluster) as (servers, worker):
        click(servers, CUSTOMERS)
        await until(lambda: worker.is_done)
        assert cluster.ask(primary, "WAIT", 1, 5_000) == 1
        held = cluster.ask(replica, "DBSIZE")
        replica.pause()
        cluster.ask(primary, "CLIENT", "KILL", "TYPE", "replica")
        click(servers, LATER)
        await until(lambda: worker.is_done)
        assert await have_strings(servers, LATER)
        primary.kill()
        replica.resume()
        assert cluster.ask(replica, "DBSIZE") == held
        if afterwards == "busy":
            click(servers, CUSTOMERS, 1)
        await until_have_strings(servers, [*CUSTOMERS, *LATER])
        await until(lambda: worker.is_done and not worker.partition.relay.kept_back)
        assert (await servers.verdict()).good


@pytest.mark.parametrize("outage", ["killed", "frozen"])
async def test_a_node_away_stops_only_the_strings_that_it_holds(without_replicas: RedisCluster, outage: str) -> None:
    nodes = without_replicas
    away = next(node for node in nodes.primaries() if node is not home_of(nodes))
    lost = on(nodes, away, LATER)
    reached = [one for one in LATER if one not in lost]
    async with working(nodes) as (servers, worker):
        click(servers, CUSTOMERS)
        await until(lambda: worker.is_done)
        before = worker.partition.relay.checkpoint[CLICKS]
        (away.kill if outage == "killed" else away.pause)()
        for number in range(10):  # more than queue up before a relay that waits stops its partition
            click(servers, LATER, number)
            await until_flushed(servers, len(servers.log.records[CLICKS]))
        for customer in reached:
            await until_have_strings(servers, [customer])
        assert worker.partition.relay.kept_back >= len(lost)
        assert worker.partition.relay.checkpoint[CLICKS] == before
        assert not set(told(servers)) & set(lost)
        (away.start if outage == "killed" else away.resume)()
        await until_have_strings(servers, [*CUSTOMERS, *LATER])
        await until(lambda: worker.is_done and not worker.partition.relay.kept_back)
        assert (await servers.verdict()).good
        assert all(orders[-1] == max(orders) for orders in told(servers).values())


async def until_flushed(servers: Servers, offset: int) -> None:
    """Wait until the stored checkpoint is at this offset of the clicks."""
    async with asyncio.timeout(RECOVERY_SECONDS):
        while True:
            metadata = await servers.state.metadata(NUMBER)
            if metadata is not None and metadata.checkpoint.get(CLICKS) == offset:
                return
            await asyncio.sleep(0.02)


async def test_with_too_many_strings_kept_back_the_partition_waits(
    without_replicas: RedisCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = without_replicas
    away = next(node for node in nodes.primaries() if node is not home_of(nodes))
    monkeypatch.setattr(outbox_relay, "KEPT_BACK", 1)
    async with working(nodes) as (servers, worker):
        click(servers, CUSTOMERS)
        await until(lambda: worker.is_done)
        away.kill()
        for number in range(40):
            fresh = [f"e-{number}-{at}" for at in range(40)]
            click(servers, fresh, number)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await until_flushed(servers, len(servers.log.records[CLICKS]))
        away.start()
        await until_flushed(servers, len(servers.log.records[CLICKS]))
        await until(lambda: worker.is_done and not worker.partition.relay.kept_back, RECOVERY_SECONDS)
        assert (await servers.verdict()).good
