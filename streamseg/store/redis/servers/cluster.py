"""A client of a Redis Cluster: sends each command to the node that serves its key, also after that has changed.

redis-py's own pipeline took 61 us of CPU per command (measured once, before 2026-11-28). It also sends ASKING on
another connection than the command that it is meant for, and fails with an `AttributeError` when a slot moves to a node
that it has not seen. Here each node has an ordinary client of redis-py, and the map from slots to nodes is ours:

- MOVED names the node that serves the slot; the map is then read from that node. Nothing was done, so the command is
  sent again.
- ASK is followed for the one command. TRYAGAIN, CLUSTERDOWN and READONLY wait a moment for the move or the failover to
  end, and then fail.
- After a lost connection or a silent node the outcome is unknown: the call fails, and the map is read again before the
  next one, from a node that answers.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import (
    AskError,
    ClusterDownError,
    ClusterError,
    MovedError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as LostConnectionError
from redis.exceptions import TimeoutError as SilenceError

from streamseg.store.redis.servers.node_connection import run_packed
from streamseg.store.redis.servers.slots import Address, Call, SlotMap, key_of, slot_map, slot_of

ATTEMPTS: Final = 12
WAIT_SECONDS: Final = 0.05
"""Before a command is sent again that no node would take."""
MAP_SECONDS: Final = 1.0
"""How long one node may take to say who serves what, before the next is asked."""
ASKING: Final = b"*1\r\n$6\r\nASKING\r\n"

LOST: Final = (LostConnectionError, SilenceError, OSError)
NOT_NOW: Final = (TryAgainError, ClusterDownError, ReadOnlyError)
REDIRECTED: Final = (AskError, *NOT_NOW)


@dataclass(slots=True)
class _Piece:
    """Calls for one node; `asking` when it is asked beside the node that serves their slot."""

    address: Address | None
    asking: bool = False
    numbers: list[int] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)

    def add(self, number: int, parts: Sequence[bytes]) -> None:
        """Add a call."""
        self.numbers.append(number)
        if self.asking:
            self.parts.append(ASKING)
        self.parts += parts


class Cluster:
    """A client of all nodes; `open_node` makes that of one. It connects at its first call."""

    def __init__(self, seeds: Sequence[Address], open_node: Callable[[Address], Redis]) -> None:
        self._seeds = tuple(seeds)
        self._open_node = open_node
        self._nodes: dict[Address, Any] = {}  # redis-py's calls have no types
        self._map = SlotMap([], ())
        self._readings = 0
        self._stale = True
        self._failed: dict[Address, None] = {}
        """Nodes that did not answer: asked last for the map."""
        self._lock = asyncio.Lock()

    def node(self, address: Address) -> Any:
        """Return the client of one node."""
        if (found := self._nodes.get(address)) is None:
            found = self._nodes[address] = self._open_node(address)
        return found

    async def serving(self, slot: int) -> Address:
        """Return the node that serves the slot. Raises `RedisError` or `OSError`."""
        if self._stale:
            await self._read_map(self._readings)
        return self._served(self._map.serving(slot))

    def _served(self, address: Address | None) -> Address:
        if address is None:
            self._stale = True
            raise ClusterDownError("no node of the Cluster serves a slot")
        return address

    async def primaries(self) -> list[Any]:
        """Return the clients of all nodes that serve slots. Raises `RedisError` or `OSError`."""
        if self._stale:
            await self._read_map(self._readings)
        return [self.node(address) for address in self._map.primaries]

    def distrust(self, address: Address) -> None:
        """Read the map again before the next call, and not from this node if another answers."""
        self._failed[address] = None
        self._stale = True

    async def execute_command(self, *command: Any) -> Any:
        """Run a command where its first key is served. Raises `RedisError` or `OSError`."""
        slot = slot_of(key_of(command))
        for _ in range(ATTEMPTS):
            address = await self.serving(slot)
            try:
                return await self.node(address).execute_command(*command)
            except REDIRECTED as error:
                if isinstance(error, AskError) and not isinstance(error, MovedError):
                    try:
                        return await self._ask(_named(error, address), command)
                    except TryAgainError:
                        await asyncio.sleep(WAIT_SECONDS)
                else:
                    await self._learn(address, error)
            except LOST:
                self.distrust(address)
                raise
        raise ClusterError("no node of the Cluster took a command")

    async def _ask(self, address: Address, command: Sequence[Any]) -> Any:
        """Run a command on the node to which its slot is moving."""
        try:
            async with self.node(address).pipeline(transaction=False) as pipeline:
                pipeline.execute_command("ASKING")
                pipeline.execute_command(*command)
                _, reply = await pipeline.execute(raise_on_error=False)  # else its text repeats the command
        except LOST:
            self.distrust(address)
            raise
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def run_each(self, calls: Sequence[Call], script: str | None = None) -> list[Any]:
        """Run encoded commands, those of a node in one piece; return the replies, other errors among them.

        `script` is the text of what they call by its hash, for nodes that do not know it.

        Raises `RedisError` or `OSError` when the outcome of some is unknown; those of other nodes are done then.
        """
        replies: list[Any] = [None] * len(calls)
        waiting: Sequence[int] = range(len(calls))
        asked: dict[int, Address] = {}
        for _ in range(ATTEMPTS):
            if self._stale:
                await self._read_map(self._readings)
            pieces = self._pieces(calls, waiting, asked)
            outcomes = await asyncio.gather(
                *(self._run_piece(piece, calls, script) for piece in pieces), return_exceptions=True
            )
            refused: dict[int, tuple[Address, Exception]] = {}
            for piece, found in zip(pieces, outcomes, strict=True):
                if isinstance(found, BaseException):
                    raise found
                for number, reply in zip(piece.numbers, found, strict=True):
                    replies[number] = reply
                if any(issubclass(kind, REDIRECTED) for kind in set(map(type, found))):
                    refused |= {
                        number: (self._served(piece.address), reply)
                        for number, reply in zip(piece.numbers, found, strict=True)
                        if isinstance(reply, REDIRECTED)
                    }
            if not refused:
                return replies
            waiting, asked = await self._follow(refused)
        raise ClusterError("no node of the Cluster took a command")

    def _pieces(self, calls: Sequence[Call], waiting: Sequence[int], asked: Mapping[int, Address]) -> list[_Piece]:
        """Divide calls by the node that serves them, or that is asked for them while their slot moves there."""
        places = self._map.places
        pieces = [_Piece(address) for address in (*self._map.primaries, None)]
        moving: dict[Address, _Piece] = {}
        for number in waiting:
            slot, parts = calls[number]
            if number in asked:
                moving.setdefault(asked[number], _Piece(asked[number], asking=True)).add(number, parts)
            else:
                piece = pieces[places[slot]]
                piece.numbers.append(number)
                piece.parts += parts
        return [piece for piece in (*pieces, *moving.values()) if piece.numbers]

    async def get_each(self, names: Sequence[bytes]) -> list[bytes | None]:
        """Return the strings of these keys, read in one piece per node. Raises `RedisError` or `OSError`."""
        calls = [(slot_of(name), (b"*2\r\n$3\r\nGET\r\n$%d\r\n" % len(name), name, b"\r\n")) for name in names]
        found = await self.run_each(calls)
        for one in found:
            if isinstance(one, Exception):
                raise one
        return found

    async def _run_piece(self, piece: _Piece, calls: Sequence[Call], script: str | None) -> list[Any]:
        address = self._served(piece.address)
        try:
            found = await self._send(address, piece)
            if script is not None and NoScriptError in set(map(type, found)):  # the node did nothing of these
                await self.node(address).script_load(script)
                unknown = [place for place, reply in enumerate(found) if isinstance(reply, NoScriptError)]
                again = _Piece(address, piece.asking)
                for place in unknown:
                    again.add(piece.numbers[place], calls[piece.numbers[place]][1])
                for place, reply in zip(unknown, await self._send(address, again), strict=True):
                    found[place] = reply
        except LOST:
            self.distrust(address)
            raise
        return found

    async def _send(self, address: Address, piece: _Piece) -> list[Any]:
        found = await run_packed(self.node(address), piece.parts, len(piece.numbers) * (2 if piece.asking else 1))
        return found[1::2] if piece.asking else found

    async def _follow(
        self, refused: Mapping[int, tuple[Address, Exception]]
    ) -> tuple[Sequence[int], dict[int, Address]]:
        """Return the numbers of the calls that no node took, and of those the ones to ask another node for."""
        asked: dict[int, Address] = {}
        learned: dict[Address, Exception] = {}
        for number, (address, error) in refused.items():
            if isinstance(error, AskError) and not isinstance(error, MovedError):
                asked[number] = _named(error, address)
            else:
                learned[address] = error
        for address, error in learned.items():
            await self._learn(address, error)
        return tuple(refused), asked

    async def _learn(self, address: Address, error: Exception) -> None:
        """Follow a refusal: read the map again, from the node that MOVED names, or after a moment from any."""
        readings = self._readings
        if isinstance(error, MovedError):
            await self._read_map(readings, _named(error, address))
            if self._map.serving(error.slot_id) == address:  # the named node does not know it yet
                self._map = self._map.but(error.slot_id, _named(error, address))
                self._stale = True
        else:
            await asyncio.sleep(WAIT_SECONDS)
            self._stale = True
            if not isinstance(error, TryAgainError):
                self.distrust(address)

    async def _read_map(self, readings: int, first: Address | None = None) -> None:
        """Ask one node after the other who serves what, unless that was done since `readings`."""
        async with self._lock:
            if self._readings != readings:
                return
            known = dict.fromkeys((*self._nodes, *self._seeds))
            trusted = [address for address in known if address not in self._failed]
            turn = readings % max(len(trusted), 1)
            order = [*([first] if first is not None else []), *trusted[turn:], *trusted[:turn], *self._failed]
            last: Exception = LostConnectionError("no node of the Cluster is known")
            for address in dict.fromkeys(order):
                try:
                    async with asyncio.timeout(MAP_SECONDS):
                        reply = await self.node(address).execute_command("CLUSTER", "SLOTS")
                except (RedisError, OSError) as error:
                    self._failed[address] = None
                    last = error
                    continue
                self._failed.pop(address, None)
                await self._take_map(slot_map(reply, address))
                return
            raise last

    async def _take_map(self, found: SlotMap) -> None:
        self._map = found
        self._readings += 1
        self._stale = False
        for address in set(self._nodes) - set(found.primaries):
            # Demoted or gone: nothing may be written there on a connection that is left over.
            await self._nodes[address].connection_pool.disconnect(inuse_connections=False)

    async def flushdb(self) -> None:
        """Empty all nodes."""
        for node in await self.primaries():
            await node.flushdb()

    async def aclose(self) -> None:
        """Close all connections."""
        for node in self._nodes.values():
            await node.aclose()


def _named(error: AskError, answered: Address) -> Address:
    """Return the node that a redirection names; one that leaves its host out means that of the node that answered."""
    return Address(error.host or answered.host, int(error.port))
