"""The stores on a real Cluster whose nodes die, freeze, fail over and give slots away: nothing lost or doubled."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import redis

from streamseg.errors import PartlyWrittenError, StoreUnavailableError
from streamseg.ports import Flush
from streamseg.store import key_names as keys
from streamseg.store.redis import RedisMembershipStore, RedisStateStore
from streamseg.store.redis.servers.cluster import Cluster
from streamseg.store.redis.servers.slots import slot_of
from streamseg.store.redis.shard_notices import ShardNotices
from tests.contracts.memberships import written
from tests.contracts.stores import connected
from tests.contracts.writer import CUSTOMERS, PAUSE_SECONDS, RECOVERY_SECONDS, Writer, under_load
from tests.support.redis_cluster import RedisCluster

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

NOW_MS = 1_795_415_000_123
PARTITIONS = range(1, 7)


@asynccontextmanager
async def client_of(servers: RedisCluster) -> AsyncIterator[Cluster]:
    async with connected(servers.url, timeout_seconds=1.0) as client:
        assert isinstance(client, Cluster)
        yield client


async def writers_on(client: Cluster) -> list[Writer]:
    state, memberships = RedisStateStore(client), RedisMembershipStore(client, ttl_seconds=1_000)
    writers = [Writer(state, memberships, partition) for partition in PARTITIONS]
    for writer in writers:
        await writer.claim()
    return writers


async def test_a_failover_by_hand_under_load_loses_and_doubles_nothing(cluster: RedisCluster) -> None:
    async with client_of(cluster) as client:
        writers = await writers_on(client)
        demoted = cluster.serving(slot_of(keys.metadata(1).encode()))
        await under_load(writers, lambda: cluster.fail_over(demoted))
        for writer in writers:
            await writer.check()
        assert (await client.serving(slot_of(keys.metadata(1).encode()))).port != demoted.port


async def test_slots_that_move_under_load_lose_and_double_nothing(cluster: RedisCluster) -> None:
    """Slots of partitions and of strings move, each to a primary that may not have been asked for them before."""
    async with client_of(cluster) as client:
        writers = await writers_on(client)
        slots = [slot_of(keys.metadata(partition).encode()) for partition in (1, 2)]
        slots += [slot_of(keys.membership(writers[0].name(customer)).encode()) for customer in CUSTOMERS[:3]]

        def reshard() -> None:
            for slot in slots:
                away = [node for node in cluster.primaries() if node is not cluster.serving(slot)]
                cluster.move_slots([slot], away[0])

        await under_load(writers, reshard)
        for writer in writers:
            await writer.check()


async def test_a_slot_that_moves_to_a_node_never_seen_is_followed() -> None:
    """redis-py's own client fails with an AttributeError there, for which good records would be set aside."""
    slot = slot_of(keys.metadata(1).encode())
    with RedisCluster(replicas=0, spares=1) as cluster:
        source, to = cluster.serving(slot), cluster.nodes[-1]
        async with client_of(cluster) as client:
            state = RedisStateStore(client)
            await state.claim(2, "w-1", "layout", NOW_MS)
            cluster.ask(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.id(source))
            cluster.ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", cluster.id(to))
            claimed = await state.claim(1, "w-1", "layout", NOW_MS)
            assert await state.metadata(1) == claimed
            assert cluster.ask(to, "CLUSTER", "COUNTKEYSINSLOT", slot) == 1
            cluster.move_slots([slot], to)
            assert await state.metadata(1) == claimed


async def test_after_the_death_of_a_primary_its_replica_is_written(cluster: RedisCluster) -> None:
    """What the replica had not received yet is lost, as with any failover: the rounds before are known to be there."""
    async with client_of(cluster) as client:
        writers = await writers_on(client)
        for writer in writers:
            await writer.write()
        slot = slot_of(keys.metadata(1).encode())
        dead = cluster.serving(slot)
        assert cluster.ask(dead, "WAIT", 1, 5_000) == 1
        await asyncio.to_thread(dead.kill)
        async with asyncio.timeout(RECOVERY_SECONDS), asyncio.TaskGroup() as tasks:
            for writer in writers:
                tasks.create_task(writer.write())
        for writer in writers:
            await writer.check()
        assert any(writer.failures for writer in writers)
        assert (await client.serving(slot)).port != dead.port


@pytest.mark.parametrize("outage", ["killed", "frozen"])
async def test_a_node_that_is_away_stops_only_what_it_serves(without_replicas: RedisCluster, outage: str) -> None:
    async with client_of(without_replicas) as client:
        writers = await writers_on(client)
        state, memberships = writers[0].state, writers[0].memberships
        away = without_replicas.serving(slot_of(keys.metadata(1).encode()))
        stopped = {
            writer.partition
            for writer in writers
            if without_replicas.serving(slot_of(keys.metadata(writer.partition).encode())) is away
        }
        assert 0 < len(stopped) < len(writers)
        names = [f"c-{number}" for number in range(50)]
        served = {
            name for name in names if without_replicas.serving(slot_of(keys.membership(name).encode())) is not away
        }
        assert 0 < len(served) < len(names)
        (away.kill if outage == "killed" else away.pause)()
        try:
            for number in range(3):
                failed = set()
                for writer in writers:
                    flush = Flush("w-1", writer.first_number + number, [("c-1", b"row")])
                    try:
                        await state.flush(writer.partition, flush)
                    except StoreUnavailableError:
                        failed.add(writer.partition)
                assert failed == stopped
            began = time.monotonic()
            for _ in range(20):
                with pytest.raises(PartlyWrittenError) as raised:
                    await memberships.write([written(name, 1) for name in names])
                assert raised.value.customers == set(names) - served
            assert time.monotonic() - began < 10, "each call waited for a silent node"
            for name in served:
                assert await memberships.read([name]) == [written(name, 1).membership]
        finally:
            if outage == "frozen":
                away.resume()
        if outage == "frozen":
            async with asyncio.timeout(RECOVERY_SECONDS):
                while True:
                    with suppress(PartlyWrittenError):
                        await memberships.write([written(name, 1) for name in names])
                        break
                    await asyncio.sleep(PAUSE_SECONDS)


@pytest.mark.parametrize("change", ["failover", "slot moves", "killed"])
async def test_notices_follow_their_customer(cluster: RedisCluster, change: str) -> None:
    async with client_of(cluster) as client, connected(cluster.url, timeout_seconds=1.0) as writing:
        notices, store = ShardNotices(client, silence_seconds=0.5), RedisMembershipStore(writing, ttl_seconds=60)
        slot = slot_of(keys.membership("c-1").encode())
        async with notices.listening(), notices.watch("c-1") as changed, asyncio.timeout(RECOVERY_SECONDS):
            await changed.wait()
            node = cluster.serving(slot)
            if change == "failover":
                await asyncio.to_thread(cluster.fail_over, node)
            elif change == "killed":
                await asyncio.to_thread(node.kill)
            else:
                to = next(one for one in cluster.primaries() if one is not node)
                await asyncio.to_thread(cluster.move_slots, [slot], to)
            for seq in range(1, 1_000):
                changed.clear()
                with suppress(StoreUnavailableError):
                    await store.write([written("c-1", seq)])
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0.5):
                            await changed.wait()
                            break
                await asyncio.sleep(PAUSE_SECONDS)
            assert changed.is_set()


async def test_strings_are_announced_on_the_channel_of_their_shard(without_replicas: RedisCluster) -> None:
    """What readers other than ours subscribe to."""
    node = without_replicas.serving(slot_of(keys.membership("c-1").encode()))
    with redis.Redis(port=node.port, socket_timeout=5) as reading, reading.pubsub() as pubsub:
        pubsub.execute_command("SSUBSCRIBE", keys.membership("c-1"))
        assert pubsub.parse_response()[0] == b"ssubscribe"
        async with client_of(without_replicas) as client:
            await RedisMembershipStore(client, ttl_seconds=60).write([written("c-1", 1)])
        assert pubsub.parse_response() == [b"smessage", keys.membership("c-1").encode(), b""]


@pytest.mark.parametrize("setting", ["yes", "no"])
async def test_a_cluster_that_one_node_would_stop_is_named_in_the_log(
    without_replicas: RedisCluster, setting: str, caplog: pytest.LogCaptureFixture
) -> None:
    for node in without_replicas.nodes:
        without_replicas.ask(node, "CONFIG", "SET", "cluster-require-full-coverage", setting)
    async with client_of(without_replicas) as client:
        await RedisStateStore(client).check()
    said = [one.getMessage() for one in caplog.records if "require-full-coverage" in one.getMessage()]
    assert bool(said) == (setting == "yes")
