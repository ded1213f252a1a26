"""A partition on a real server: strings that are lost in a restart come back, though nothing else tells of it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
import redis

from streamseg.embedded import RedisServer
from streamseg.errors import StoreUnavailableError
from streamseg.store import key_names as keys
from streamseg.store.redis import RedisMembershipStore, RedisStateStore
from tests.contracts.stores import connected
from tests.support.partition import NUMBER, QUICK, SNAPSHOT, OnePartition, Servers, fill, until

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

LOST = ("c-0", "c-2")
PACE = replace(QUICK, outbox_trim=0.1)
RECOVERY_SECONDS = 30


async def test_strings_that_a_restart_loses_are_delivered_again(
    start_redis_server: Callable[..., RedisServer],
) -> None:
    """They are written after the rows: a server that loses its last moment may lose them alone."""
    server = start_redis_server()
    async with connected(server.url, timeout_seconds=1.0) as client:
        servers = Servers()
        await servers.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
        strings = RedisMembershipStore(client, ttl_seconds=10**6)
        servers.state, servers.memberships = cast("Any", RedisStateStore(client)), cast("Any", strings)
        fill(servers.log, 0, 60)
        worker = OnePartition(servers, "w-1", pace=PACE)
        await worker.begin()
        try:
            await until(lambda: worker.is_done)
            async with asyncio.timeout(RECOVERY_SECONDS):
                while await servers.state.delivered(NUMBER) is None:
                    await asyncio.sleep(0.02)
            run = await strings.server_runs()
            # Nothing of ours runs between these lines: to the worker, the server comes back without the strings.
            with redis.Redis.from_url(server.url) as plain:
                assert plain.delete(*map(keys.membership, LOST)) == len(LOST)
            server.kill()
            server.start()
            async with asyncio.timeout(RECOVERY_SECONDS):
                while not await have_strings(strings):
                    await asyncio.sleep(0.02)
            assert await strings.server_runs() != run
            assert (await servers.verdict()).good
        finally:
            await worker.close()


async def have_strings(strings: RedisMembershipStore) -> bool:
    try:
        return None not in await strings.read(LOST)
    except StoreUnavailableError:
        return False
