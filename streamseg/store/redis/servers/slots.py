"""Redis Cluster's slots: the slot of a key, and the map from slots to the nodes that serve them."""

from binascii import crc_hqx
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

SLOTS: Final = 16_384
Call = tuple[int, bytes]
"""A slot, and the encoded command for its node."""


class Address(NamedTuple):
    """Where a node listens."""

    host: str
    port: int


def slot_of(key: bytes) -> int:
    """Return the slot of a key: that of what stands in its first pair of braces, if anything does.

    >>> slot_of(b"ssg:v1:part:{7}") == slot_of(b"ssg:v1:outbox:{7}") == slot_of(b"7")
    True
    >>> slot_of(b"123456789")
    12739
    """
    begin = key.find(b"{")
    if begin >= 0:
        end = key.find(b"}", begin + 1)
        if end > begin + 1:
            key = key[begin + 1 : end]
    return crc_hqx(key, 0) % SLOTS


def key_of(command: Sequence[Any]) -> bytes:
    """Return the key that decides where a command goes: its first one. All keys of a command share a slot.

    >>> key_of(("EVALSHA", "0f2a", 2, "first", "second", "argument"))
    b'first'
    """
    key = command[3 if command[0] in ("EVALSHA", "EVAL") else 1]
    return key if isinstance(key, bytes) else str(key).encode()


class SlotMap(NamedTuple):
    """Who serves what."""

    places: list[int]
    """By slot the place of its node among `primaries`; -1 where no node serves it."""
    primaries: tuple[Address, ...]

    def serving(self, slot: int) -> Address | None:
        """Return the node that serves a slot."""
        place = self.places[slot]
        return None if place < 0 else self.primaries[place]

    def but(self, slot: int, address: Address) -> "SlotMap":
        """Return the map with another node for one slot."""
        primaries = tuple(dict.fromkeys((*self.primaries, address)))
        places = self.places.copy()
        places[slot] = primaries.index(address)
        return SlotMap(places, primaries)


def slot_map(reply: Sequence[Any], asked: Address) -> SlotMap:
    """Return what CLUSTER SLOTS says; a node that does not know its own name leaves it out: it is the asked one.

    >>> found = slot_map([[0, 99, [b"10.0.0.1", 6379, b"id"]], [100, 199, [b"", 6380, b"id"]]], Address("host", 6380))
    >>> found.serving(99), found.serving(100), found.serving(200), len(found.primaries)
    (Address(host='10.0.0.1', port=6379), Address(host='host', port=6380), None, 2)
    """
    places = [-1] * SLOTS
    primaries: dict[Address, int] = {}
    for first, last, primary, *_ in reply:
        host = primary[0].decode() if primary[0] else ""
        address = Address(host if host not in ("", "?") else asked.host, int(primary[1]))
        place = primaries.setdefault(address, len(primaries))
        places[first : last + 1] = [place] * (last + 1 - first)
    return SlotMap(places, tuple(primaries))
