"""What a customer takes in Redis, by MEMORY USAGE: the allocator's view, key and hash overhead included."""

from itertools import islice
from typing import Any, Final

import redis

from streamseg.store import key_names as keys

SAMPLED: Final = 500


def bytes_per_customer(url: str, partitions: int, customers: int, empty_bytes: int) -> dict[str, float]:
    """Bytes by what they are for.

    `row` is the hashes of rows over their entries, `membership` the strings with their keys, over a sample. `together`
    is what the server uses beyond an empty one, without outboxes, over all customers: it has the key table and the
    expiry table in it.
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
    """All of its elements, not a sample of five."""
    return int(client.memory_usage(name, samples=0) or 0)
