"""What a process uses, as Linux tells it, and waiting for what it does."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

POLL_SECONDS: Final = 0.02
TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")

WINDOW_SECONDS: Final = 1.0
QUIET_SHARE: Final = 0.1
"""Of a core; less counts as nothing to do."""
MOST_WINDOWS: Final = 15


def cpu_seconds(pid: int) -> float:
    """User and system time of the process, of its children, and of theirs; also of those that have ended."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return ticks_of(stat) / TICKS_PER_SECOND + sum(map(cpu_seconds, _children(pid)))


def ticks_of(stat: str) -> int:
    """Of all threads, with the children that were waited for (proc(5): utime, stime, cutime and cstime)."""
    return sum(map(int, stat.rpartition(")")[2].split()[11:15]))


def _children(pid: int) -> list[int]:
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            children += map(int, (task / "children").read_text().split())
        except FileNotFoundError:  # the thread has ended meanwhile
            continue
    return children


def resident_bytes(pid: int) -> int:
    """Memory of the process that is in RAM."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def available_bytes() -> int:
    """Memory of the machine that a new process could have."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def wait(process: "subprocess.Popen[bytes]", met: Callable[[], bool], seconds: float, name: str) -> None:
    """Wait until it is met. Raises `RuntimeError` when the process ends before, or it takes too long."""
    until = time.monotonic() + seconds
    while not met():
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended by itself")
        if time.monotonic() > until:
            raise RuntimeError(f"{name} takes longer than {seconds:g} s")
        time.sleep(POLL_SECONDS)


@contextmanager
def frozen(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Let it stand still meanwhile, without knowing."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to end; kill it when it takes too long."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass(frozen=True, slots=True)
class Spent:
    """What something took: seconds on the clock and of CPU."""

    elapsed: float
    cpu: float

    def per_second(self, events: int) -> float:
        """Throughput."""
        return events / self.elapsed


def spent_until(
    process: "subprocess.Popen[bytes]",
    met: Callable[[], bool],
    seconds: float,
    name: str,
    beside: Sequence["subprocess.Popen[bytes]"] = (),
) -> Spent:
    """What the process, and those beside it, take until it is met. Raises `RuntimeError` as `wait` does."""
    pids = [process.pid, *(other.pid for other in beside)]
    began, before = time.perf_counter(), sum(map(cpu_seconds, pids))
    wait(process, met, seconds, name)
    return Spent(time.perf_counter() - began, sum(map(cpu_seconds, pids)) - before)


def until_quiet(process: "subprocess.Popen[bytes]") -> Spent:
    """Wait until the process has nothing to do, or is never still; what it took till then."""
    began, before = time.perf_counter(), cpu_seconds(process.pid)
    last = before
    for _ in range(MOST_WINDOWS):
        time.sleep(WINDOW_SECONDS)
        now = cpu_seconds(process.pid)
        if now - last < QUIET_SHARE * WINDOW_SECONDS:
            break
        last = now
    return Spent(time.perf_counter() - began, last - before)
