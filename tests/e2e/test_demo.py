"""`streamseg demo` as a newcomer runs it: nothing set up, and nothing left behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e


def processes_of(folder: Path) -> list[str]:
    """Processes that were started with this folder for temporary files: those of the demo."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"TMPDIR={folder}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue  # it has ended, or is not ours
    return found


def test_the_demo_shows_segments_and_moves_and_cleans_up(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAMSEG_")}
    environment["TMPDIR"] = str(tmp_path)

    done = subprocess.run(
        [sys.executable, "-m", "streamseg.commands", "demo", "--for", "60s", "--json"],
        env=environment,
        capture_output=True,
        timeout=180,
        check=False,
    )

    assert done.returncode == 0, done.stderr.decode()
    told = json.loads(done.stdout)
    assert set(told) == {
        *("events", "rejected", "events_per_second", "latency_seconds", "customers", "segments", "moves", "ari")
    }
    assert told["events"] > 5_000
    assert told["rejected"] == 0
    assert len(told["segments"]) >= 3
    assert all(one["id"].startswith("behaviour-") and one["label"] for one in told["segments"])
    assert told["moves"] > 0
    assert told["ari"] > 0.2
    assert 0 < told["latency_seconds"]["p50"] <= told["latency_seconds"]["p99"]
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []


def test_a_store_that_is_away_ends_the_demo_with_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streamseg.commands", "demo", "--redis", "redis://127.0.0.1:1", "--for", "5s"],
        capture_output=True,
        timeout=120,
        check=False,
        text=True,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("streamseg: Redis: ")
