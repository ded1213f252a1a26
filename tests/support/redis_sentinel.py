"""A Redis primary with a replica, and three real Sentinels that fail it over."""

import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar, Self

import redis
from typing_extensions import override

from streamseg.embedded import RedisServer
from streamseg.embedded.child import Child, free_port
from streamseg.embedded.redis_server import DURABLE
from streamseg.embedded.server import Server

NAME = "shop"
READY_SECONDS = 30
CONFIGURATION = """
port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor {name} 127.0.0.1 {primary} 2
sentinel down-after-milliseconds {name} 1000
sentinel failover-timeout {name} 5000
"""
PROTECTED = """
requirepass {password}
sentinel sentinel-pass {password}
"""


class _Sentinel(Server):
    """One Sentinel."""

    start_seconds: ClassVar[float] = 15.0

    def __init__(self, primary: int, password: str | None) -> None:
        self._password = password
        protected = "" if password is None else PROTECTED.format(password=password)
        self.port = free_port()
        program = shutil.which("redis-server")
        assert program is not None, "redis-server is not installed"
        folder = Path(tempfile.mkdtemp(prefix="streamseg-sentinel-"))
        file = folder / "sentinel.conf"  # it writes what it learns into this file
        file.write_text(CONFIGURATION.format(port=self.port, folder=folder, name=NAME, primary=primary) + protected)
        super().__init__(Child("redis-sentinel", [program, str(file), "--sentinel"], folder))

    @override
    def _answers(self) -> bool:
        try:
            with redis.Redis(port=self.port, password=self._password) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


class WatchedRedis:
    """`with` starts and stops all of it.

    `password`: of the default user of the Sentinels; they need it of each other too.
    """

    def __init__(self, password: str | None = None) -> None:
        self.password = password
        self._started = ExitStack()
        self.servers = [RedisServer()]
        self.servers.append(RedisServer(options=(*DURABLE, "--replicaof", "127.0.0.1", str(self.servers[0].port))))
        self.sentinels = [_Sentinel(self.servers[0].port, password) for _ in range(3)]

    @property
    def url(self) -> str:
        """The URL for streamseg, with all Sentinels."""
        return f"redis+sentinel://{','.join(f'127.0.0.1:{one.port}' for one in self.sentinels)}/{NAME}/0"

    def __enter__(self) -> Self:
        with self._started:
            for server in (*self.servers, *self.sentinels):
                self._started.enter_context(server)
            _until(lambda: all(self._knows_all(sentinel.port) for sentinel in self.sentinels), "the Sentinels know all")
            _until(lambda: _follows(self.servers[1]), "the replica follows")
            self._started = self._started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._started.close()

    def primary(self) -> RedisServer:
        """Return the server that the first Sentinel names."""
        with redis.Redis(port=self.sentinels[0].port, password=self.password) as client:
            found = client.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", NAME)
        return next(server for server in self.servers if server.port == int(found[1]))

    def fail_over(self) -> None:
        """Make the replica the primary, by hand, and wait until the old primary is one of it."""
        before = self.primary()
        with redis.Redis(port=self.sentinels[0].port, password=self.password) as client:
            client.execute_command("SENTINEL FAILOVER", NAME)
        self.wait_for_another_than(before)
        _until(lambda: _follows(before), "the old primary became a replica")

    def wait_for_another_than(self, before: RedisServer) -> None:
        """Wait until the Sentinels name another primary."""
        _until(lambda: self.primary() is not before, "the Sentinels named another primary")

    def _knows_all(self, port: int) -> bool:
        with redis.Redis(port=port, password=self.password, decode_responses=True) as client:
            fields = client.execute_command("SENTINEL MASTER", NAME)
        return bool(fields["num-slaves"] == 1 and fields["num-other-sentinels"] == len(self.sentinels) - 1)


def _follows(server: RedisServer) -> bool:
    with redis.Redis(port=server.port) as client:
        return bool(client.info("replication").get("master_link_status") == "up")


def _until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"not within {READY_SECONDS} s: {what}"
        time.sleep(0.05)
