"""CPU time of one membership string, in the worker and in Redis, on a single server and on a Cluster of two nodes.

    python -m tests.bench.string_cost

It starts servers of its own and prints microseconds per string, the best of all rounds. The server's time is that of
its whole process (`INFO cpu`), so that parsing and network count.
"""

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

import redis
import uvloop

from streamseg.embedded import RedisServer
from streamseg.membership.types import OutboxEntry
from streamseg.settings import RedisSettings
from streamseg.store.redis import RedisMembershipStore, connect
from tests.bench.store_cost import IDS, entries_at

ROUNDS: Final = 12
SLOTS: Final = 16_384


def cluster(nodes: Sequence[RedisServer]) -> None:
    """Make the servers one Cluster; each gets an equal part of the slots."""
    for number, node in enumerate(nodes):
        with redis.Redis.from_url(node.url) as client:
            part = range(number * SLOTS // len(nodes), (number + 1) * SLOTS // len(nodes))
            client.execute_command("CLUSTER ADDSLOTS", *part)
            client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            if number:
                client.execute_command("CLUSTER MEET", "127.0.0.1", str(nodes[0].port))
    until = time.monotonic() + 20
    while any(_state(node) != "ok" for node in nodes):
        if time.monotonic() > until:
            raise TimeoutError("the Cluster did not form")
        time.sleep(0.05)


def _state(node: RedisServer) -> object:
    with redis.Redis.from_url(node.url) as client:
        return client.execute_command("CLUSTER INFO")["cluster_state"]


def server_seconds(nodes: Sequence[RedisServer]) -> float:
    """CPU seconds of all nodes since their start."""
    total = 0.0
    for node in nodes:
        with redis.Redis.from_url(node.url) as client:
            cpu = client.info("cpu")
            total += float(cpu["used_cpu_sys"]) + float(cpu["used_cpu_user"])
    return total


async def measure(url: str, nodes: Sequence[RedisServer], rounds: Sequence[list[OutboxEntry]]) -> tuple[float, float]:
    """Return microseconds per string: of this process, and of the servers."""
    client = connect(RedisSettings(url=url))
    store = RedisMembershipStore(client, ttl_seconds=86_400)
    await store.write(rounds[0])
    best = []
    for entries in rounds[1:]:
        before = server_seconds(nodes)
        cpu = time.process_time()
        await store.write(entries)
        cpu = time.process_time() - cpu
        best.append((cpu, server_seconds(nodes) - before))
    await client.aclose()
    ours, theirs = (min(taken) / len(IDS) * 1e6 for taken in zip(*best, strict=True))
    return ours, theirs


def main() -> None:
    """Measure both and print them."""
    rounds = [entries_at(seq) for seq in range(1, ROUNDS + 2)]
    with ExitStack() as servers:
        single = servers.enter_context(RedisServer())
        nodes = [servers.enter_context(RedisServer(options=("--cluster-enabled", "yes"))) for _ in range(2)]
        cluster(nodes)
        for name, url, of in (
            ("single server", single.url, [single]),
            ("Cluster", nodes[0].url.replace("redis:", "redis+cluster:"), nodes),
        ):
            ours, theirs = uvloop.run(measure(url, of, rounds))
            sys.stdout.write(f"{name:<16}worker {ours:8.2f} us   Redis {theirs:8.2f} us per string\n")


if __name__ == "__main__":
    main()
