"""Where the records of many customers belong, as Java's producer decides it: murmur2 of the key, mod the partitions.

aiokafka has the hash for one key at a time, in Python: for a new customer it cost more than decoding their event. This
one takes the keys of a run together, those of one length as one matrix; a test holds it to aiokafka's.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

_SEED: Final = 0x9747B28C
_MIX: Final = np.uint32(0x5BD1E995)
_R: Final = np.uint32(24)


def misrouted(customer_ids: Sequence[str], partition: int, partitions: int) -> set[str]:
    """The customers whose key falls on another than this of the partitions."""
    falls_on = partitions_of([customer.encode() for customer in customer_ids], partitions)
    return {customer_ids[at] for at in np.flatnonzero(falls_on != partition).tolist()}


def partitions_of(keys: Sequence[bytes], partitions: int) -> NDArray[np.uint32]:
    """The partition of each key, shape (keys,); no key is empty. Source: Kafka's common.utils.Utils.murmur2 in Java."""
    hashes = np.empty(len(keys), dtype=np.uint32)
    lengths = np.fromiter(map(len, keys), dtype=np.intp, count=len(keys))
    for length in np.unique(lengths).tolist():
        alike = np.flatnonzero(lengths == length)
        hashes[alike] = _murmur2(b"".join([keys[at] for at in alike.tolist()]), len(alike), length)
    result: NDArray[np.uint32] = (hashes & np.uint32(0x7FFFFFFF)) % np.uint32(partitions)
    return result


def _murmur2(joined: bytes, count: int, length: int) -> NDArray[np.uint32]:
    """Hashes of `count` keys of one length, given one after the other."""
    padded = np.zeros((count, -(-length // 4) * 4), dtype=np.uint8)
    padded[:, :length] = np.frombuffer(joined, dtype=np.uint8).reshape(count, length)
    words = padded.view("<u4")
    whole = length // 4
    h = np.full(count, _SEED ^ length, dtype=np.uint32)
    for at in range(whole):
        k = words[:, at] * _MIX
        h = (h * _MIX) ^ ((k ^ (k >> _R)) * _MIX)
    if length % 4:
        h = (h ^ words[:, whole]) * _MIX
    h = (h ^ (h >> np.uint32(13))) * _MIX
    mixed: NDArray[np.uint32] = h ^ (h >> np.uint32(15))
    return mixed
