"""How much memory the Redis servers use, and how much they may."""

from collections.abc import Mapping
from typing import Any

from redis.asyncio import RedisCluster

from streamseg.store.redis.connection import Client, translated_errors


async def memory(redis: Client) -> Mapping[str, tuple[int, int]]:
    """Return used bytes and `maxmemory` (0: no limit) of each primary; without a Cluster its name is `primary`.

    Raises `StoreUnavailableError`, also when the server does not allow `INFO`.
    """
    with translated_errors():
        if not isinstance(redis, RedisCluster):
            return {"primary": _memory(await redis.info("memory"))}
        cluster = await redis.initialize()
        return {
            f"{node.host}:{node.port}": _memory(await cluster.info("memory", target_nodes=node))
            for node in cluster.get_primaries()
        }


def _memory(info: Mapping[str, Any]) -> tuple[int, int]:
    return int(info["used_memory"]), int(info["maxmemory"])
