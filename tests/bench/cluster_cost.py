"""Client CPU time per membership string on a Redis Cluster, beside one server, in one run.

    python -m tests.bench.cluster_cost

It starts a server and a Cluster of three primaries. It prints microseconds per string: CPU time of this process, the
best of all rounds (both in turn), and the ratio of the two.
"""

import asyncio
import sys
import time

import uvloop

from streamseg.embedded import RedisServer
from streamseg.settings import RedisSettings
from streamseg.store.redis import RedisMembershipStore, connect
from tests.bench.store_cost import ITEMS, entries_at
from tests.support.redis_cluster import RedisCluster

ROUNDS = 40


async def measure(*urls: str) -> list[float]:
    """Return the microseconds per string of each address."""
    clients = [connect(RedisSettings(url=url)) for url in urls]
    stores = [RedisMembershipStore(client, ttl_seconds=86_400) for client in clients]
    spent: list[list[float]] = [[] for _ in urls]
    for seq in range(1, ROUNDS + 1):
        entries = entries_at(seq)
        for store, seconds in zip(stores, spent, strict=True):
            before = time.process_time()
            await store.write(entries)
            seconds.append(time.process_time() - before)
    for client in clients:
        await client.aclose()
    return [min(seconds[2:]) / ITEMS * 1e6 for seconds in spent]


def main() -> None:
    """Print the table."""
    loop = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with RedisServer() as server, RedisCluster() as cluster, loop as runner:
        alone, together = runner.run(measure(server.url, cluster.url))
    sys.stdout.write(f"{'us of CPU per membership string':<34}{'server':>9}{'Cluster':>9}{'ratio':>9}\n")
    sys.stdout.write(f"{'':<34}{alone:>9.2f}{together:>9.2f}{together / alone:>9.2f}\n")


if __name__ == "__main__":
    main()
