"""A Redis Cluster of real servers, whose nodes a test can kill, fail over and give other slots."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Self

import redis

from streamseg.embedded import RedisServer
from streamseg.embedded.child import free_port
from streamseg.embedded.redis_server import DURABLE

SLOTS = 16_384
NODE_TIMEOUT_MS = 1_000
"""After this long a silent node is failed over; 15,000 by default."""
FORMED_SECONDS = 60
MOVE_AT_ONCE = 100


class RedisCluster:
    """Primaries with replicas. `with` starts and stops all of them; with no replica a part that is away stays away.

    Spares are primaries without slots.
    """

    def __init__(
        self, primaries: int = 3, replicas: int = 3, spares: int = 0, options: Sequence[str] = DURABLE
    ) -> None:
        cluster = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS))
        alone = ("--cluster-require-full-coverage", "no")
        self._of_primaries, self._of_replicas = primaries, replicas
        self._started = ExitStack()
        self._clients: dict[RedisServer, redis.Redis] = {}
        buses = [free_port() for _ in range(primaries + replicas + spares)]  # by default a port that may be in use
        self.nodes = [RedisServer(options=(*options, *cluster, *alone, "--cluster-port", str(bus))) for bus in buses]
        self._buses = dict(zip(self.nodes, buses, strict=True))

    @property
    def url(self) -> str:
        """The URL for streamseg, with all nodes."""
        return f"redis+cluster://{','.join(f'127.0.0.1:{node.port}' for node in self.nodes)}/0"

    def __enter__(self) -> Self:
        with self._started:
            self._form()
            self._started = self._started.pop_all()
        return self

    def _form(self) -> None:
        for node in self.nodes:
            self._started.enter_context(node)
        primaries = self.nodes[: self._of_primaries]
        for number, node in enumerate(primaries):
            first, end = (SLOTS * at // len(primaries) for at in (number, number + 1))
            self.ask(node, "CLUSTER", "ADDSLOTSRANGE", first, end - 1)
        for number, node in enumerate(self.nodes):
            self.ask(node, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            self.ask(self.nodes[0], "CLUSTER", "MEET", "127.0.0.1", node.port, self._buses[node])
        _until(lambda: all(len(self._known(node)) == len(self.nodes) for node in self.nodes), "all nodes are known")
        for number, replica in enumerate(self.nodes[self._of_primaries :][: self._of_replicas]):
            primary = primaries[number % len(primaries)]
            self.ask(replica, "CLUSTER", "REPLICATE", self.id(primary))
        self.wait_until_whole()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop all nodes."""
        self._started.close()

    def ask(self, node: RedisServer, *command: Any) -> Any:
        """Run a command on one node."""
        return self._client(node).execute_command(*command)

    def _client(self, node: RedisServer) -> Any:  # redis-py's calls have no types
        if node not in self._clients:
            client = redis.Redis(port=node.port, socket_timeout=5)
            self._clients[node] = self._started.enter_context(client)
        return self._clients[node]

    def id(self, node: RedisServer) -> str:
        """Return the node's name in the Cluster."""
        return str(self.ask(node, "CLUSTER", "MYID").decode())

    def primaries(self) -> list[RedisServer]:
        """Return the running primaries, as they see it themselves."""
        return [node for node in self.nodes if node.running and self._is_primary(node)]

    def replica_of(self, primary: RedisServer) -> RedisServer:
        """Return a running replica of a primary."""
        followed = self.id(primary)
        asked = {node: self._known(node)[self.id(node)] for node in self.nodes if node.running and node is not primary}
        return next(node for node, fields in asked.items() if fields[3] == followed)

    def serving(self, slot: int) -> RedisServer:
        """Return the primary of a slot."""
        by_port = {node.port: node for node in self.nodes}
        for first, last, primary, *_ in self.ask(self.primaries()[0], "CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return by_port[primary[1]]
        raise LookupError(f"nobody serves slot {slot}")

    def fail_over(self, primary: RedisServer) -> None:
        """Make a replica of a running primary take its place, by hand, and wait until it has."""
        replica = self.replica_of(primary)
        self.ask(replica, "CLUSTER", "FAILOVER")
        _until(lambda: self._is_primary(replica) and not self._is_primary(primary), "the replica took over")

    def move_slots(self, slots: Sequence[int], to: RedisServer) -> None:
        """Move slots and their keys to another primary, as `redis-cli --cluster reshard` does."""
        for slot in slots:
            source = self.serving(slot)
            self.ask(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", self.id(source))
            self.ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", self.id(to))
            while names := self.ask(source, "CLUSTER", "GETKEYSINSLOT", slot, MOVE_AT_ONCE):
                self.ask(source, "MIGRATE", "127.0.0.1", to.port, "", 0, 5_000, "KEYS", *names)
            for node in (to, source, *self.primaries()):
                self.ask(node, "CLUSTER", "SETSLOT", slot, "NODE", self.id(to))

    def wait_until_whole(self) -> None:
        """Wait until all running nodes see all slots served, and each replica follows its primary."""
        _until(lambda: all(self._is_whole(node) for node in self.nodes if node.running), "the Cluster is whole")

    def _is_whole(self, node: RedisServer) -> bool:
        try:
            state = self.ask(node, "CLUSTER", "INFO")
            role = self.ask(node, "INFO", "replication")
        except (redis.RedisError, OSError):
            return False
        said = dict(line.split(":") for line in state.decode().split())
        follows = role["role"] == "master" or role["master_link_status"] == "up"
        return said.get("cluster_state") == "ok" and said.get("cluster_slots_ok") == str(SLOTS) and follows

    def _is_primary(self, node: RedisServer) -> bool:
        return "master" in self._known(node)[self.id(node)][2].split(",")

    def _known(self, node: RedisServer) -> dict[str, list[str]]:
        """Return the fields of CLUSTER NODES by node id."""
        lines = self.ask(node, "CLUSTER", "NODES").decode().splitlines()
        return {fields[0]: fields for fields in map(str.split, lines)}


def _until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + FORMED_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"not within {FORMED_SECONDS} s: {what}"
        time.sleep(0.05)
