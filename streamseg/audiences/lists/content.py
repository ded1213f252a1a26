"""What an uploaded list holds: hashes in sorted arrays of eight bytes an entry, asked for many customers at once."""

from collections.abc import Collection
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.errors import StreamsegError

Hashes = NDArray[np.uint64]
Mask = NDArray[np.bool_]

_FORMAT: Final = 1
_STORED: Final = np.dtype("<u8")


class DamagedListError(StreamsegError):
    """The stored content of a list cannot be read."""


@dataclass(frozen=True, slots=True)
class ListContent:
    """The entries of a list, each array sorted, without duplicates."""

    ids: Hashes
    """Hashes of customer ids."""
    identifiers: Hashes
    """Hashes of e-mail addresses and phone numbers, of both normal forms where they differ."""

    @classmethod
    def of(cls, ids: Collection[int] | Hashes, identifiers: Collection[int] | Hashes) -> "ListContent":
        """Return the content with these hashes, in any order."""
        return cls(np.unique(np.asarray(ids, dtype=np.uint64)), np.unique(np.asarray(identifiers, dtype=np.uint64)))

    @classmethod
    def decode(cls, stored: bytes) -> "ListContent":
        """Read what `encode` wrote, without a copy. Raises `DamagedListError`."""
        if len(stored) < 2 * _STORED.itemsize or len(stored) % _STORED.itemsize:
            raise DamagedListError(f"the content of a list is damaged: {len(stored)} bytes")
        found = np.frombuffer(stored, _STORED)
        if found[0] != _FORMAT or found[1] > len(found) - 2:
            raise DamagedListError(f"the content of a list has format {found[0]}, this version reads {_FORMAT}")
        end = 2 + int(found[1])
        return cls(found[2:end], found[end:])

    def encode(self) -> bytes:
        """Return the content for the store: format, number of ids, ids, identifiers."""
        head = np.array([_FORMAT, len(self.ids)], dtype=_STORED)
        return np.concatenate([head, self.ids, self.identifiers]).astype(_STORED).tobytes()

    @property
    def entries(self) -> int:
        """Number of hashes."""
        return len(self.ids) + len(self.identifiers)


@dataclass(frozen=True, slots=True)
class LoadedList:
    """A list as rules ask for it."""

    content: ListContent
    kinds: frozenset[str]
    """What it holds: `id` and kinds of identifiers."""
    ends: float = inf
    """From when on nobody is on it, epoch seconds."""


def among(entries: Hashes, asked: Hashes) -> Mask:
    """Return which of the asked hashes, of any shape, are entries."""
    if not len(entries):
        return np.zeros(asked.shape, dtype=np.bool_)
    place = np.searchsorted(entries, asked)
    found: Mask = entries[np.minimum(place, len(entries) - 1)] == asked
    return found
