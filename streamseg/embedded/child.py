"""Runs a server as a child process that cannot outlive this process."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from streamseg.errors import StreamsegError

GUARD: Final = """
exec 3<&0
folder=$1; log=$2; shift 2
"$@" >>"$log" 2>&1 </dev/null 3<&- &
server=$!
( read -r _ <&3; trap '' TERM; kill -9 $server; rm -rf "$folder" ) >/dev/null 2>&1 &
guard=$!
echo $server
wait $server
code=$?
kill $guard
exit $code
"""
"""A shell script that starts the server and reads a pipe from this process. The pipe closes when this process ends,
for whatever reason: then the script kills the server and removes its folder."""

POLL_SECONDS: Final = 0.02
SERVER_PORTS: Final = range(15_000, 32_000)
"""Below 32,768, where Linux and others begin to take ports for outgoing connections."""
_claims: Final[deque[int]] = deque(maxlen=100)
"""File numbers of the UDP sockets that claim the ports returned last."""


class ServerError(StreamsegError):
    """An embedded server did not start, or is not running."""


class Child:
    """A server process with its data folder and log; it can be killed and started again on the same data."""

    def __init__(self, name: str, command: Sequence[str], folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.log = folder / f"{name}.log"
        self._command = list(command)
        self._guard: subprocess.Popen[bytes] | None = None
        self.pid = 0

    def start(self, ready: Callable[[], bool], timeout_seconds: float) -> None:
        """Start the server and wait until `ready()`. Raises `ServerError` with its last log lines after the timeout."""
        self._guard = subprocess.Popen(  # noqa: S603 - our own command, no shell between
            ["/bin/sh", "-c", GUARD, "guard", str(self.folder), str(self.log), *self._command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # the shell reports what it killed
            start_new_session=True,  # Ctrl-C in the terminal must not reach the server
        )
        assert self._guard.stdout is not None
        self.pid = int(self._guard.stdout.readline())
        until = time.monotonic() + timeout_seconds
        while not ready():
            if self.running and time.monotonic() < until:
                time.sleep(POLL_SECONDS)
                continue
            what = "is not ready" if self.running else "ended"
            last = self.log.read_text(errors="replace").strip().splitlines()[-3:] if self.log.exists() else []
            self.kill()
            raise ServerError(f"{self.name} {what} after its start: {' | '.join(last) or 'it logged nothing'}")

    @property
    def running(self) -> bool:
        """Whether the server process is alive."""
        return self._guard is not None and self._guard.poll() is None

    @property
    def failed(self) -> bool:
        """Whether the server process has ended by itself, with an exit code other than 0."""
        return self._guard is not None and self._guard.poll() not in {None, 0}

    def kill(self) -> None:
        """Kill the server with SIGKILL; keep its data."""
        self._end(signal.SIGKILL, 10.0)

    def stop(self, timeout_seconds: float = 15.0) -> None:
        """Stop the server with SIGTERM; kill it after the timeout."""
        self._end(signal.SIGTERM, timeout_seconds)

    def close(self) -> None:
        """Kill the server and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, such as SIGSTOP. Raises `ServerError` when the server is not running."""
        if not self.running:
            raise ServerError(f"{self.name} is not running")
        os.kill(self.pid, number)

    def _end(self, number: signal.Signals, timeout_seconds: float) -> None:
        guard, self._guard = self._guard, None
        if guard is None:
            return
        try:
            if guard.poll() is None:
                os.kill(self.pid, number)
            guard.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            os.kill(self.pid, signal.SIGKILL)
            guard.wait()
        except ProcessLookupError:
            guard.wait()
        finally:
            for pipe in (guard.stdin, guard.stdout):
                if pipe is not None:
                    pipe.close()


def free_port() -> int:
    """Return a free port of 127.0.0.1 that nobody else takes before the server does.

    Asked for port 0, the system gives one of those that it also gives to outgoing connections. The same port of UDP
    stays bound here for a while, so that no other call returns it meanwhile, in whatever process.
    """
    while True:
        port = secrets.choice(SERVER_PORTS)
        claim = socket.socket(type=socket.SOCK_DGRAM)
        with socket.socket() as probe:
            try:
                claim.bind(("127.0.0.1", port))
                probe.bind(("127.0.0.1", port))
            except OSError:
                claim.close()
                continue
        if len(_claims) == _claims.maxlen:
            os.close(_claims.popleft())
        _claims.append(claim.detach())
        return port


def listens(port: int) -> bool:
    """Return whether a server accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
