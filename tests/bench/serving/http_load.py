"""HTTP load: the highest rate, or a steady rate with latencies measured from each request's due time."""

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
OK: Final = 200
LAST_ANSWER_SECONDS: Final = 10.0
TICK_SECONDS: Final = 0.001
"""Interval at which the steady rate sends due requests; the wait counts as latency."""
WRK_SCRIPT: Final = """
local n = 0
request = function()
  n = (n * 7919 + 17) % {customers}
  return wrk.format("GET", "/v1/customers/c-" .. n .. "/segments", {{["Authorization"] = "Bearer {key}"}})
end
"""


class Connection(asyncio.Protocol):
    """A keep-alive connection with one request at a time."""

    def __init__(self, answered: Callable[["Connection", int], None]) -> None:
        self._answered = answered
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's class does not derive from it

    def send(self, request: bytes) -> None:
        """Send one request; `answered` receives the status."""
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
        """Close the connection."""
        self._transport.close()


def get(path: str, key: str) -> bytes:
    """The bytes of a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


def post(path: str, key: str, body: bytes) -> bytes:
    """The bytes of a POST request."""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def paced(
    address: str, request: Callable[[int], bytes], per_second: float, seconds: float
) -> tuple[list[float], int]:
    """Send requests at a steady rate.

    Returns the sorted latencies in seconds and the number of failed requests (status other than 200, or no answer).
    Each latency starts when its request was due, so a server that stalls does not lower the load.
    """
    loop = asyncio.get_running_loop()
    idle: deque[Connection] = deque()
    waiting: deque[tuple[float, int]] = deque()
    due_of: dict[Connection, float] = {}
    latencies: list[float] = []
    failed = 0

    def answered(connection: Connection, status: int) -> None:
        nonlocal failed
        latencies.append(loop.time() - due_of.pop(connection))
        failed += status != OK
        if waiting:
            begin(connection, *waiting.popleft())
        else:
            idle.append(connection)

    def begin(connection: Connection, due: float, number: int) -> None:
        due_of[connection] = due
        connection.send(request(number))

    connections = await _connect(address, answered)
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
    ends = loop.time() + LAST_ANSWER_SECONDS
    while len(latencies) < total and loop.time() < ends:
        await asyncio.sleep(0.01)
    for connection in connections:
        connection.close()
    return sorted(latencies), failed + total - len(latencies)


async def flat_out(address: str, request: Callable[[int], bytes], seconds: float) -> tuple[float, int]:
    """Send the next request on each connection as soon as the last is answered.

    Returns requests per second and the number of failed requests. Uses more CPU than the server.
    """
    loop = asyncio.get_running_loop()
    count = failed = 0

    def answered(connection: Connection, status: int) -> None:
        nonlocal count, failed
        count += 1
        failed += status != OK
        connection.send(request(count))

    connections = await _connect(address, answered)
    started = loop.time()
    for connection in connections:
        connection.send(request(0))
    await asyncio.sleep(seconds)
    rate = count / (loop.time() - started)
    for connection in connections:
        connection.close()
    return rate, failed


def wrk(address: str, key: str, customers: int, seconds: int) -> tuple[float, int] | None:
    """Requests per second and failed requests, by wrk, which uses little CPU; None when wrk is not installed."""
    program = shutil.which("wrk")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "lookup.lua"
        script.write_text(WRK_SCRIPT.format(customers=customers, key=key))
        command = [program, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), address]
        printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    if rate is None:
        raise StreamsegError(f"wrk: {printed.strip().splitlines()[-1]}")
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", printed)
    return float(rate[1]), int(failed[1]) if failed else 0


async def _connect(address: str, answered: Callable[[Connection, int], None]) -> list[Connection]:
    loop = asyncio.get_running_loop()
    host, port = host_and_port(address)
    return [(await loop.create_connection(lambda: Connection(answered), host, port))[1] for _ in range(CONNECTIONS)]


def host_and_port(address: str) -> tuple[str, int]:
    """Host and port of an `http://` address."""
    parts = urlsplit(address)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port
