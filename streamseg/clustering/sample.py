"""One customer's feature vector, as sent to the trainer, and the rank that decides who is sampled."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

RANKS: Final = 2**64


@lru_cache(maxsize=65_536)
def rank_of(customer_id: str) -> int:
    """Return a hash of the id below `RANKS`, the same in every process. The lowest ranks are sampled first."""
    return int.from_bytes(hashlib.blake2b(customer_id.encode(), digest_size=8).digest())


@dataclass(frozen=True, slots=True)
class Sample:
    """One customer's feature vector at one time."""

    customer_id: str
    at: float
    """Time of the look: epoch seconds of the partition's clock."""
    vector: tuple[float, ...]
    """Raw values in the order of the segmentation's features; NaN for a missing number."""
    events: int
    """Events that the customer had by then."""
    value: float = 0.0
    """Undecayed spend of the customer, from a worker in minor units. The model does not use it; descriptions do."""
    observed: tuple[float | None, ...] = ()
    """What was observed of the customer in all features of the catalogue, None without data; empty if not told.
    Descriptions use it, and the model only to see in which features enough customers differ."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """What profiles told in words that the settings do not list, by attribute; only descriptions use it."""
    heard: Mapping[str, str] = field(default_factory=dict)
    """Names of hash groups, by feature; only descriptions use them."""
