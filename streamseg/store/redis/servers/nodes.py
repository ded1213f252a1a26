"""The nodes of a Cluster: a client of each, which of them are silent, and which runs of the server they are.

A node that is frozen, or whose machine is gone, would cost every call the whole time limit. So after the first
such call nobody waits for it: calls fail at once until it has answered a question that is asked beside them.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as LostConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as SilenceError

from streamseg.store.redis.servers.runs import Runs, run_id
from streamseg.store.redis.servers.slots import Address
from streamseg.tasks import end

LOST: Final = (LostConnectionError, SilenceError, OSError)
SILENT: Final = (SilenceError, TimeoutError)
PING_SECONDS: Final = 0.5


class Nodes:
    """All nodes that were ever asked; `open_node` makes the client of one."""

    def __init__(self, seeds: Sequence[Address], open_node: Callable[[Address], Redis]) -> None:
        self._seeds = tuple(seeds)
        self._open_node = open_node
        self._clients: dict[Address, Any] = {}  # redis-py's calls have no types
        self._failed: dict[Address, None] = {}
        """Nodes that did not answer: asked last for the map."""
        self._silent: dict[Address, asyncio.Task[None]] = {}
        self.runs = Runs()
        """Of the primaries."""

    def client(self, address: Address) -> Any:
        """Return the client of one node."""
        if (found := self._clients.get(address)) is None:
            found = self._clients[address] = self._open_node(address)
        return found

    def speaking(self, address: Address) -> Any:
        """Return the client of one node. Raises `redis.exceptions.TimeoutError` while the node is silent."""
        if address in self._silent:
            raise SilenceError("a node of the Cluster does not answer")
        return self.client(address)

    def lost(self, address: Address, error: BaseException | None = None) -> None:
        """Note that a node did not answer; if the error is silence, nobody waits for it until it answers."""
        self._failed[address] = None
        if isinstance(error, SILENT) and address not in self._silent:
            self._silent[address] = asyncio.create_task(self._await_answer(address))

    async def _await_answer(self, address: Address) -> None:
        """Ask until the node answers, whatever it says."""
        try:
            while True:
                await asyncio.sleep(PING_SECONDS)
                try:
                    await self.client(address).execute_command("CLUSTER", "SLOTS")
                except LOST:
                    continue
                except RedisError:
                    return
                return
        finally:
            del self._silent[address]

    def answered(self, address: Address) -> None:
        """Note that a node answered."""
        self._failed.pop(address, None)

    def to_ask(self, first: Address | None, turn: int) -> Iterable[Address]:
        """Return the nodes in the order to ask them for the map, those that speak: `first` first, then in turn."""
        known = dict.fromkeys((*self._clients, *self._seeds))
        trusted = [address for address in known if address not in self._failed]
        at = turn % max(len(trusted), 1)
        order = [*([first] if first is not None else []), *trusted[at:], *trusted[:at], *self._failed]
        return [address for address in dict.fromkeys(order) if address not in self._silent]

    async def keep_only(self, primaries: Iterable[Address]) -> None:
        """Close what is open to nodes that are no primaries: nothing may be written there on a connection left over."""
        for address in set(self._clients) - set(primaries):
            await self._clients[address].connection_pool.disconnect(inuse_connections=False)

    async def look(self, primaries: Iterable[Address]) -> None:
        """Ask all primaries which run of the server they are. Raises `RedisError` or `OSError`."""
        found = list[str]()
        for address in primaries:
            try:
                found.append(await run_id(self.speaking(address)))
            except LOST as error:
                self.lost(address, error)
                raise
        self.runs.saw(found)

    async def close(self) -> None:
        """Close all connections."""
        await end(*self._silent.values())
        for client in self._clients.values():
            await client.aclose()
