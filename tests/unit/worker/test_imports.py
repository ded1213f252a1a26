"""The worker's parts load without Faust and River: tests and tools that need one part start quickly."""

import subprocess
import sys

import pytest

HEAVY = ("faust", "aiokafka", "river", "sklearn", "redis", "starlette")


def loaded(module: str) -> set[str]:
    """The heavy libraries that importing a module loads, in a fresh interpreter."""
    code = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("part", ["partition.actor", "assignment", "process", "trainer.trainer"])
def test_a_part_of_the_worker_loads_no_heavy_library(part: str) -> None:
    assert loaded(f"streamseg.worker.{part}") == set()


def test_the_check_sees_what_is_loaded() -> None:
    assert "faust" in loaded("streamseg.stream.run_stream")
