"""Load on an HTTP server: as much as it takes, or a steady rate whose latencies count from the moment they were due."""

import asyncio
import re
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlsplit

from streamseg.errors import StreamsegError

CONNECTIONS: Final = 16
TICK_SECONDS: Final = 0.001
"""How often a steady rate sends what is due; the wait for it counts as latency."""
WRK_SCRIPT: Final = """
local n = 0
request = function()
  n = (n * 7919 + 17) % {customers}
  return wrk.format("GET", "/v1/customers/c-" .. n .. "/segments", {{["Authorization"] = "Bearer {key}"}})
end
"""


class Connection(asyncio.Protocol):
    """One keep-alive connection on which requests follow each other."""

    def __init__(self, answered: Callable[["Connection", int], None]) -> None:
        self._answered = answered
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class

    def send(self, request: bytes) -> None:
        """Send one request; its answer's status goes to `answered`."""
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._got += data
        head, found, body = self._got.partition(b"\r\n\r\n")
        if not found:
            return
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if len(body) >= int(length[1] if length else 0):
            self._got = b""
            self._answered(self, int(head[9:12]))

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


def get(path: str, key: str) -> bytes:
    """A lookup on the wire."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


def post(path: str, key: str, body: bytes) -> bytes:
    """A batch on the wire."""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def paced(
    address: str, request: Callable[[int], bytes], per_second: float, seconds: float
) -> tuple[list[float], int]:
    """Send requests at a steady rate.

    Returns the sorted latencies in seconds, each from the moment its request was due, so that a server that stalls is
    not asked less; and how many answers were not 200.
    """
    loop = asyncio.get_running_loop()
    host, port = where_is(address)
    idle: deque[Connection] = deque()
    waiting: deque[tuple[float, int]] = deque()
    due_of: dict[Connection, float] = {}
    latencies: list[float] = []
    failed = 0

    def answered(connection: Connection, status: int) -> None:
        nonlocal failed
        latencies.append(loop.time() - due_of.pop(connection))
        failed += status != 200  # noqa: PLR2004 - HTTP's OK
        if waiting:
            begin(connection, *waiting.popleft())
        else:
            idle.append(connection)

    def begin(connection: Connection, due: float, number: int) -> None:
        due_of[connection] = due
        connection.send(request(number))

    connections = [
        (await loop.create_connection(lambda: Connection(answered), host, port))[1] for _ in range(CONNECTIONS)
    ]
    idle.extend(connections)
    start = loop.time() + 0.05
    total = int(per_second * seconds)
    number = 0
    while number < total:
        await asyncio.sleep(TICK_SECONDS)
        now = loop.time()
        while number < total and (due := start + number / per_second) <= now:
            if idle:
                begin(idle.popleft(), due, number)
            else:
                waiting.append((due, number))
            number += 1
    ends = loop.time() + 10
    while len(latencies) < total and loop.time() < ends:
        await asyncio.sleep(0.01)
    for connection in connections:
        connection.close()
    return sorted(latencies), failed + total - len(latencies)


async def flat_out(address: str, request: Callable[[int], bytes], seconds: float) -> tuple[float, int]:
    """Requests per second with every connection always waiting for an answer, and how many answers were not 200.

    Costs more than the server does.
    """
    loop = asyncio.get_running_loop()
    host, port = where_is(address)
    count = failed = 0

    def answered(connection: Connection, status: int) -> None:
        nonlocal count, failed
        count += 1
        failed += status != 200  # noqa: PLR2004 - HTTP's OK
        connection.send(request(count))

    connections = [
        (await loop.create_connection(lambda: Connection(answered), host, port))[1] for _ in range(CONNECTIONS)
    ]
    started = loop.time()
    for connection in connections:
        connection.send(request(0))
    await asyncio.sleep(seconds)
    rate = count / (loop.time() - started)
    for connection in connections:
        connection.close()
    return rate, failed


def wrk(address: str, key: str, customers: int, seconds: int) -> tuple[float, int] | None:
    """The same by wrk, which costs little; None when it is not installed."""
    program = shutil.which("wrk")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "lookup.lua"
        script.write_text(WRK_SCRIPT.format(customers=customers, key=key))
        command = [program, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), address]
        said = subprocess.run(  # noqa: S603 - our own arguments
            command, capture_output=True, text=True, check=True, timeout=seconds + 30
        ).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if rate is None:
        raise StreamsegError(f"wrk: {said.strip().splitlines()[-1]}")
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    return float(rate[1]), int(failed[1]) if failed else 0


def where_is(address: str) -> tuple[str, int]:
    """Host and port of an `http://` address."""
    where = urlsplit(address)
    assert where.hostname is not None
    assert where.port is not None
    return where.hostname, where.port
