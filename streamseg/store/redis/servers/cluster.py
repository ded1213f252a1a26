"""A client of a Redis Cluster: sends each command to the node that serves its key, also after that has changed.

redis-py's own pipeline took 61 us of CPU per command (measured once, before 2026-11-28). It also sends ASKING on
another connection than the command that it is meant for, and fails with an `AttributeError` when a slot moves to a node
that it has not seen. Here each node has an ordinary client of redis-py, and the map from slots to nodes is ours:

- MOVED names the node that serves the slot; the map is then read from that node. Nothing was done, so the command is
  sent again.
- ASK is followed for the one command. TRYAGAIN, CLUSTERDOWN and READONLY wait a moment for the move or the failover to
  end, and then fail.
- After a lost connection or a silent node the outcome is unknown: the call fails, and the map is read again before the
  next one, from a node that answers. Calls for other nodes are done.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterDownError,
    ClusterError,
    MovedError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as LostConnectionError

from streamseg.store.redis.servers.node_connection import run_packed
from streamseg.store.redis.servers.nodes import LOST, Nodes
from streamseg.store.redis.servers.pieces import Piece, pieces
from streamseg.store.redis.servers.slots import Address, Call, SlotMap, key_of, slot_map, slot_of

ATTEMPTS: Final = 12
WAIT_SECONDS: Final = 0.05
"""Before a command is sent again that no node would take."""
MAP_SECONDS: Final = 1.0
"""How long one node may take to say who serves what, before the next is asked."""

NOT_NOW: Final = (TryAgainError, ClusterDownError, ReadOnlyError)
REDIRECTED: Final = (AskError, *NOT_NOW)
UNREACHED: Final = (*LOST, ClusterError, *NOT_NOW)
"""What `run_each` returns for calls that no node took, or that a node may have taken."""


class Cluster:
    """A client of all nodes; `open_node` makes that of one. It connects at its first call."""

    def __init__(self, seeds: Sequence[Address], open_node: Callable[[Address], Redis]) -> None:
        self._nodes = Nodes(seeds, open_node)
        self._map = SlotMap([], ())
        self._readings = 0
        self._stale = True
        self._lock, self._looking = asyncio.Lock(), asyncio.Lock()

    def node(self, address: Address) -> Any:
        """Return the client of one node."""
        return self._nodes.client(address)

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

    async def server_runs(self) -> str:
        """Return the name of the primaries' runs (`Runs.name`). Raises `RedisError` or `OSError` while one is away."""
        async with self._looking:
            if not self._nodes.runs.looked_lately:
                await self._read_map(self._readings)
                await self._nodes.look(self._map.primaries)
            return self._nodes.runs.name

    def distrust(self, address: Address, error: BaseException | None = None) -> None:
        """Read the map again before the next call, and not from this node if another answers."""
        self._nodes.lost(address, error)
        self._stale = True

    async def execute_command(self, *command: Any) -> Any:
        """Run a command where its first key is served. Raises `RedisError` or `OSError`."""
        slot = slot_of(key_of(command))
        for _ in range(ATTEMPTS):
            address = await self.serving(slot)
            try:
                return await self._nodes.speaking(address).execute_command(*command)
            except REDIRECTED as error:
                if isinstance(error, AskError) and not isinstance(error, MovedError):
                    try:
                        return await self._ask(_named(error, address), command)
                    except TryAgainError:
                        await asyncio.sleep(WAIT_SECONDS)
                else:
                    await self._learn(address, error)
            except LOST as error:
                self.distrust(address, error)
                raise
        raise _untaken()

    async def _ask(self, address: Address, command: Sequence[Any]) -> Any:
        """Run a command on the node to which its slot is moving."""
        try:
            async with self._nodes.speaking(address).pipeline(transaction=False) as pipeline:
                pipeline.execute_command("ASKING")
                pipeline.execute_command(*command)
                _, reply = await pipeline.execute(raise_on_error=False)  # else its text repeats the command
        except LOST as error:
            self.distrust(address, error)
            raise
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def run_each(self, calls: Sequence[Call], script: str | None = None) -> list[Any]:
        """Run encoded commands, those of a node in one piece; return the replies, errors among them.

        An error of `UNREACHED` says that the node of this call did not answer, or that none would take it.

        `script` is the text of what they call by its hash, for nodes that do not know it.

        Raises `RedisError` or `OSError` when no node says who serves what.
        """
        replies: list[Any] = [None] * len(calls)
        waiting: Sequence[int] = range(len(calls))
        asked: dict[int, Address] = {}
        for _ in range(ATTEMPTS):
            if self._stale:
                await self._read_map(self._readings)
            divided = pieces(self._map, calls, waiting, asked)
            outcomes = await asyncio.gather(
                *(self._run_piece(piece, calls, script) for piece in divided), return_exceptions=True
            )
            refused: dict[int, tuple[Address, Exception]] = {}
            for piece, found in zip(divided, outcomes, strict=True):
                refused |= self._take(piece, found, replies)
            if not refused:
                return replies
            waiting, asked = await self._follow(refused)
        for number in waiting:
            replies[number] = _untaken()
        return replies

    def _take(
        self, piece: Piece, found: list[Any] | BaseException, replies: list[Any]
    ) -> dict[int, tuple[Address, Exception]]:
        """Put what became of a piece among the replies; return its calls that another node is to be asked for."""
        if isinstance(found, BaseException):
            if not isinstance(found, UNREACHED) or isinstance(found, AuthenticationError):
                raise found
            for number in piece.numbers:
                replies[number] = found
            return {}
        for number, reply in zip(piece.numbers, found, strict=True):
            replies[number] = reply
        if not any(issubclass(kind, REDIRECTED) for kind in set(map(type, found))):
            return {}
        address, answered = self._served(piece.address), zip(piece.numbers, found, strict=True)
        return {number: (address, reply) for number, reply in answered if isinstance(reply, REDIRECTED)}

    async def get_each(self, names: Sequence[bytes]) -> list[bytes | None]:
        """Return the strings of these keys, read in one piece per node. Raises `RedisError` or `OSError`."""
        found = await self.ask_each(names)
        for one in found:
            if isinstance(one, Exception):
                raise one
        return found

    async def ask_each(self, names: Sequence[bytes]) -> list[Any]:
        """Return the same, with an error in place of each string of which its node does not tell."""
        calls = [(slot_of(name), b"*2\r\n$3\r\nGET\r\n$%d\r\n%b\r\n" % (len(name), name)) for name in names]
        return await self.run_each(calls)

    async def _run_piece(self, piece: Piece, calls: Sequence[Call], script: str | None) -> list[Any]:
        address = self._served(piece.address)
        try:
            found = await self._send(address, piece)
            if script is not None and NoScriptError in set(map(type, found)):  # the node did nothing of these
                await self._nodes.speaking(address).script_load(script)
                unknown = [place for place, reply in enumerate(found) if isinstance(reply, NoScriptError)]
                again = Piece(address, piece.asking)
                for place in unknown:
                    again.add(piece.numbers[place], calls[piece.numbers[place]][1])
                for place, reply in zip(unknown, await self._send(address, again), strict=True):
                    found[place] = reply
        except LOST as error:
            self.distrust(address, error)
            raise
        return found

    async def _send(self, address: Address, piece: Piece) -> list[Any]:
        count = len(piece.numbers) * (2 if piece.asking else 1)
        found = await run_packed(self._nodes.speaking(address), piece.parts, count)
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
            last: Exception = LostConnectionError("no node of the Cluster answers")
            for address in self._nodes.to_ask(first, readings):
                try:
                    async with asyncio.timeout(MAP_SECONDS):
                        reply = await self.node(address).execute_command("CLUSTER", "SLOTS")
                except (RedisError, OSError) as error:
                    self._nodes.lost(address, error)
                    last = error
                    continue
                self._nodes.answered(address)
                await self._take_map(slot_map(reply, address))
                return
            raise last

    async def _take_map(self, found: SlotMap) -> None:
        self._map = found
        self._readings += 1
        self._stale = False
        await self._nodes.keep_only(found.primaries)

    async def flushdb(self) -> None:
        """Empty all nodes."""
        for node in await self.primaries():
            await node.flushdb()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._nodes.close()


def _untaken() -> ClusterError:
    return ClusterError("no node of the Cluster took a command")


def _named(error: AskError, answered: Address) -> Address:
    """Return the node that a redirection names; one that leaves its host out means that of the node that answered."""
    return Address(error.host or answered.host, int(error.port))
