"""Bytes per customer in Redis, by MEMORY USAGE: key and hash overhead included."""

from itertools import islice
from typing import Any, Final

import redis

from streamseg.store import key_names as keys

SAMPLED: Final = 500


def bytes_per_customer(url: str, partitions: int, customers: int, empty_bytes: int) -> dict[str, float]:
    """Bytes per customer: `row`, `membership` and `together`.

    `row`: all row hashes divided by their entries. `membership`: strings with their keys, mean of a sample.
    `together`: memory used beyond `empty_bytes`, without outboxes; includes Redis' key table and expiry table.
    """
    with redis.Redis.from_url(url) as client:
        used = int(client.info("memory")["used_memory"]) - empty_bytes
        hashes = [name for number in range(partitions) for name in keys.row_buckets(number)]
        entries = sum(_length(client, name) for name in hashes)
        outboxes = sum(_usage(client, keys.outbox(number)) for number in range(partitions))
        strings = list(islice(client.scan_iter(f"{keys.MEMBERSHIP_PREFIX}*", 1_000), SAMPLED))
        return {
            "together": round((used - outboxes) / customers, 1),
            "row": round(sum(_usage(client, name) for name in hashes) / max(1, entries), 1),
            "membership": round(sum(_usage(client, name) for name in strings) / max(1, len(strings)), 1),
        }


def _length(client: Any, name: str) -> int:
    return int(client.hlen(name))


def _usage(client: Any, name: str) -> int:
    """Bytes of a key, all elements counted instead of Redis' sample of five."""
    return int(client.memory_usage(name, samples=0) or 0)
