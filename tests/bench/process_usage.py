"""CPU time and memory of a process, read from Linux's /proc, and waiting for a process to reach a state."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

POLL_SECONDS: Final = 0.02
TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")

WINDOW_SECONDS: Final = 1.0
QUIET_SHARE: Final = 0.1
"""Share of one core; a process that uses less counts as idle."""
MOST_WINDOWS: Final = 15


def cpu_seconds(pid: int) -> float:
    """User and system time of the process and its descendants, those that ended included."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return ticks_of(stat) / TICKS_PER_SECOND + sum(map(cpu_seconds, _children(pid)))


def ticks_of(stat: str) -> int:
    """CPU ticks of all threads and of the children waited for (proc(5): utime, stime, cutime, cstime)."""
    return sum(map(int, stat.rpartition(")")[2].split()[11:15]))


def _children(pid: int) -> list[int]:
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            children += map(int, (task / "children").read_text().split())
        except FileNotFoundError:  # the thread ended in the meantime
            continue
    return children


def resident_bytes(pid: int) -> int:
    """Resident memory of the process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def available_bytes() -> int:
    """Memory that a new process could use; 0 where the system does not report it."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def wait(process: "subprocess.Popen[bytes]", met: Callable[[], bool], seconds: float, name: str) -> None:
    """Wait until `met` returns true. Raises `RuntimeError` when the process ends first, or after `seconds`."""
    until = time.monotonic() + seconds
    while not met():
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended unexpectedly, exit code {process.returncode}")
        if time.monotonic() > until:
            raise RuntimeError(f"{name} takes longer than {seconds:g} s")
        time.sleep(POLL_SECONDS)


@contextmanager
def frozen(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Stop the process (SIGSTOP) for the duration of the block."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Terminate the process; kill it after 20 s."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass(frozen=True, slots=True)
class Spent:
    """Elapsed seconds and CPU seconds."""

    elapsed: float
    cpu: float

    def per_second(self, events: int) -> float:
        """Events per elapsed second."""
        return events / self.elapsed


def spent_until(process: "subprocess.Popen[bytes]", met: Callable[[], bool], seconds: float, name: str) -> Spent:
    """Time that the process spends until `met` returns true. Raises as `wait` does."""
    began, before = time.perf_counter(), cpu_seconds(process.pid)
    wait(process, met, seconds, name)
    return Spent(time.perf_counter() - began, cpu_seconds(process.pid) - before)


def until_quiet(process: "subprocess.Popen[bytes]") -> None:
    """Wait until the process is idle, for at most `MOST_WINDOWS` seconds."""
    last = cpu_seconds(process.pid)
    for _ in range(MOST_WINDOWS):
        time.sleep(WINDOW_SECONDS)
        now = cpu_seconds(process.pid)
        if now - last < QUIET_SHARE * WINDOW_SECONDS:
            return
        last = now
