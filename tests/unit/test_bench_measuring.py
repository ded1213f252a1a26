"""The pure parts of the benchmarks: who runs on what, and what the system tells of a process."""

import os
import subprocess
import sys

import pytest

from tests.bench.peers.environment import LOCK, folder_of, versions
from tests.bench.processes import cpu_seconds, resident_bytes, ticks_of
from tests.bench.throughput.contestants import CONTESTANTS
from tests.bench.throughput.run import turns


def test_slow_peers_get_a_load_of_the_same_kind_and_ours_runs_beside_them() -> None:
    whole, small = turns("flat", 1_000_000, 200_000, 100_000, list(CONTESTANTS))

    assert (whole.names, whole.load.events, whole.load.customers) == (("streamseg", "bytewax", "limit"), 10**6, 200_000)
    assert (small.names, small.load.events, small.load.customers) == (("streamseg", "faust", "quix"), 100_000, 20_000)
    assert small.small
    assert not whole.small
    assert not small.load.skewed


@pytest.mark.parametrize("names", [["streamseg", "limit"], ["faust"]])
def test_a_short_run_is_one_turn_for_all(names: list[str]) -> None:
    (turn,) = turns("skewed", 20_000, 4_000, 20_000, names)

    assert turn.names == tuple(names)
    assert turn.load.skewed


def test_slow_peers_alone_have_no_whole_load() -> None:
    (turn,) = turns("skewed", 20_000, 4_000, 1_000, ["faust"])

    assert (turn.load.events, turn.load.customers, turn.small) == (1_000, 200, True)


def test_cpu_time_is_read_whatever_the_process_is_called() -> None:
    assert ticks_of("7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16") == 11 + 12 + 13 + 14


def test_cpu_time_of_children_counts_also_after_their_end() -> None:
    before = cpu_seconds(os.getpid())
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert cpu_seconds(os.getpid()) - before >= 0.3
    assert resident_bytes(os.getpid()) > 10_000_000


def test_the_peers_are_pinned_with_hashes_and_no_address() -> None:
    lock = LOCK.read_text()

    assert set(versions(lock)) == {"bytewax", "quixstreams"}
    assert "--hash=sha256:" in lock
    assert "://" not in lock
    assert folder_of(b"a") != folder_of(b"b")
