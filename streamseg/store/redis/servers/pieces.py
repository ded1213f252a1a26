"""Divides calls among the nodes of a Cluster: one piece for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from streamseg.store.redis.servers.slots import Address, Call, SlotMap

ASKING: Final = b"*1\r\n$6\r\nASKING\r\n"


@dataclass(slots=True)
class Piece:
    """Calls for one node; `asking` when it is asked beside the node that serves their slot."""

    address: Address | None
    """None: no node serves these slots."""
    asking: bool = False
    numbers: list[int] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)

    def add(self, number: int, command: bytes) -> None:
        """Add a call."""
        self.numbers.append(number)
        if self.asking:
            self.parts.append(ASKING)
        self.parts.append(command)


def pieces(slots: SlotMap, calls: Sequence[Call], waiting: Sequence[int], asked: Mapping[int, Address]) -> list[Piece]:
    """Divide the calls that wait by the node that serves them, or that is asked while their slot moves there."""
    places = slots.places
    found = [Piece(address) for address in (*slots.primaries, None)]
    moving: dict[Address, Piece] = {}
    for number in waiting:
        slot, command = calls[number]
        if number in asked:
            moving.setdefault(asked[number], Piece(asked[number], asking=True)).add(number, command)
        else:
            piece = found[places[slot]]
            piece.numbers.append(number)
            piece.parts.append(command)
    return [piece for piece in (*found, *moving.values()) if piece.numbers]
