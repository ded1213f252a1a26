"""Freed memory goes back to the system. In a process of its own: what others keep would show, too."""

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what was freed")

FREED = """
from mmap import PAGESIZE
from pathlib import Path
from streamseg.worker.freed_memory import give_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGESIZE // 1_000_000

taken = [bytes(1_000) for _ in range(200_000)]
last = taken[-1]  # it lies at the end of the heap, so nothing before it goes back by itself
del taken
kept = resident()
give_back()
print(kept - resident())
"""


def test_freed_memory_goes_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", FREED], check=True, capture_output=True, text=True)
    assert int(done.stdout) > 150, "MB of 200"
