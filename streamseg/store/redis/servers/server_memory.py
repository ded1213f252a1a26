"""How much memory the Redis servers use, and how much they may."""

from collections.abc import Mapping
from typing import Any

from streamseg.store.redis.servers.cluster import Cluster
from streamseg.store.redis.servers.connection import Client, translated_errors


async def memory(redis: Client) -> Mapping[str, tuple[int, int]]:
    """Return used bytes and `maxmemory` (0: no limit) of each primary; without a Cluster its name is `primary`.

    Raises `StoreUnavailableError`, also when the server does not allow `INFO`.
    """
    with translated_errors():
        if not isinstance(redis, Cluster):
            return {"primary": _memory(await redis.info("memory"))}
        found = {}
        for node in await redis.primaries():
            place = node.connection_pool.connection_kwargs
            found[f"{place['host']}:{place['port']}"] = _memory(await node.info("memory"))
        return found


def _memory(info: Mapping[str, Any]) -> tuple[int, int]:
    return int(info["used_memory"]), int(info["maxmemory"])
