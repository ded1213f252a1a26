"""Maps customers to partitions as Kafka's Java producer does: murmur2 of the key, modulo the partition count.

One definition of the hash serves single keys (Python integers) and whole runs (numpy columns). A run of many keys is
hashed at once because hashing key by key in Python costs more than decoding the events: 2.3 us a key against 0.2 us.
"""

import struct
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

_Words = TypeVar("_Words", int, NDArray[Any])

_SEED: Final = 0x9747B28C
_MULTIPLIER: Final = 0x5BD1E995
_32_BITS: Final = 0xFFFFFFFF
_POSITIVE: Final = 0x7FFFFFFF
_WORD_BYTES: Final = 4
WORTH_COLUMNS: Final = 64
"""With fewer keys, the calls of numpy cost more than hashing key by key."""


def misrouted(customer_ids: Sequence[str], partition: int, partitions: int) -> set[str]:
    """Return the customers whose key maps to another partition than `partition`."""
    if len(customer_ids) < WORTH_COLUMNS:
        return {one for one in customer_ids if partition_of(one, partitions) != partition}
    actual = partitions_of([customer.encode() for customer in customer_ids], partitions)
    return {customer_ids[at] for at in np.flatnonzero(actual != partition).tolist()}


def partition_of(customer_id: str, partitions: int) -> int:
    """Return the partition of one customer; for many keys, `partitions_of` takes a tenth of the time."""
    key = customer_id.encode()
    whole, rest = divmod(len(key), _WORD_BYTES)
    words: tuple[int, ...] = struct.unpack_from(f"<{whole}I", key)
    tail = int.from_bytes(key[-rest:], "little") if rest else None
    return (_murmur2(_SEED ^ len(key), words, tail) & _POSITIVE) % partitions


def partitions_of(keys: Sequence[bytes], partitions: int) -> NDArray[np.uint32]:
    """Return the partition of each key, shape (keys,). No key may be empty."""
    hashes = np.empty(len(keys), dtype=np.uint32)
    lengths = np.fromiter(map(len, keys), dtype=np.intp, count=len(keys))
    for length in np.unique(lengths).tolist():
        alike = np.flatnonzero(lengths == length)
        hashes[alike] = _hashes(b"".join([keys[at] for at in alike.tolist()]), len(alike), length)
    result: NDArray[np.uint32] = (hashes & np.uint32(_POSITIVE)) % np.uint32(partitions)
    return result


def _hashes(joined: bytes, count: int, length: int) -> NDArray[np.uint32]:
    """Hashes of `count` keys of `length` bytes each, given end to end."""
    padded = np.zeros((count, -(-length // _WORD_BYTES) * _WORD_BYTES), dtype=np.uint8)
    padded[:, :length] = np.frombuffer(joined, dtype=np.uint8).reshape(count, length)
    columns = list(padded.view("<u4").T)
    tail = columns.pop() if length % _WORD_BYTES else None
    return _murmur2(np.full(count, _SEED ^ length, dtype=np.uint32), columns, tail)


def _murmur2(start: _Words, words: Sequence[_Words], tail: _Words | None) -> _Words:
    """Kafka's murmur2 (`org.apache.kafka.common.utils.Utils.murmur2`).

    Args:
        start: the seed, xor the key's length in bytes.
        words: the key's whole 32-bit words, little-endian.
        tail: the remaining 1 to 3 bytes as one word, or None.
    """
    h = start
    for word in words:
        k = word * _MULTIPLIER & _32_BITS
        h = (h * _MULTIPLIER & _32_BITS) ^ ((k ^ (k >> 24)) * _MULTIPLIER & _32_BITS)
    if tail is not None:
        h = (h ^ tail) * _MULTIPLIER & _32_BITS
    h = (h ^ (h >> 13)) * _MULTIPLIER & _32_BITS
    mixed: _Words = h ^ (h >> 15)
    return mixed
