"""Run `streamseg api` and other commands as processes."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any, Self, cast

from redis import Redis

from streamseg.membership.encoding import encode
from streamseg.membership.types import Membership, OutboxEntry
from streamseg.store.redis.membership_store import RedisMembershipStore
from streamseg.store.redis.servers.script import Script

START_SECONDS = 60


class ApiProcess:
    """`streamseg api` on a free port, until the context ends. `environment` holds settings."""

    def __init__(self, redis_url: str, **environment: str) -> None:
        self._environment = {"STREAMSEG_REDIS__URL": redis_url, "STREAMSEG_API__LEAVE_SECONDS": "0", **environment}
        self.address = ""
        self.log: list[str] = []

    def __enter__(self) -> Self:
        listening = threading.Event()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "streamseg.commands", "api", "--port", "0"],
            env=os.environ | self._environment,
            stderr=subprocess.PIPE,
            text=True,
        )

        def read() -> None:
            assert self._process.stderr is not None
            for line in self._process.stderr:
                self.log.append(line)
                if line.startswith("serving "):
                    self.address = line.split()[1]
                    listening.set()

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()
        if not listening.wait(START_SECONDS):
            self._process.kill()
            raise AssertionError(f"the API did not start: {''.join(self.log)}")
        return self

    def stop(self) -> int:
        """Send SIGTERM, as an orchestrator does, and return the exit code."""
        self._process.terminate()
        code = self._process.wait(10)
        self._reader.join(5)
        assert self._process.stderr is not None
        self._process.stderr.close()
        return code

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.stop()


def run_command(*arguments: str, environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a `streamseg` command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "streamseg.commands", *arguments],
        env=os.environ | dict(environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def put_membership(redis: Redis, membership: Membership) -> None:
    """Write a membership with the script that the worker uses."""
    entry = OutboxEntry(membership.customer_id, membership.epoch, membership.seq, encode(membership))
    worker: Any = RedisMembershipStore(cast("Any", redis), ttl_seconds=3_600)
    names, arguments = worker._call(membership.epoch, [entry])
    redis.eval(Script("write_memberships").text, len(names), *names, *arguments)
