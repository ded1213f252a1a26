"""`streamseg demo` needs no setup and leaves nothing behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e


def processes_of(folder: Path) -> list[str]:
    """Return the processes of the demo: those with this folder as their TMPDIR."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"TMPDIR={folder}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue  # it has ended, or belongs to another user
    return found


def test_the_demo_reports_segments_and_moves_and_cleans_up(tmp_path: Path) -> None:
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
    report = json.loads(done.stdout)
    assert set(report) == {
        *("events", "rejected", "events_per_second", "latency_seconds", "customers", "segments", "moves", "ari"),
        *("audiences", "declared_segments"),
    }
    assert report["events"] > 5_000
    assert report["rejected"] == 0
    assert len(report["segments"]) >= 3
    assert all(one["id"].startswith("behaviour-") and one["label"] for one in report["segments"])
    assert report["moves"] > 0
    assert report["ari"] > 0.2
    audiences = {one["id"]: one for one in report["audiences"]}
    assert set(audiences) == {
        "big-baskets",
        "discount-seekers",
        "like-big-baskets",
        "newsletter-readers",
        "performance-regulars",
        "win-back",
    }
    assert all(one["matched"] >= one["known"] >= one["consented"] >= one["exported"] for one in audiences.values())
    assert sum(one["matched"] for one in audiences.values()) > 0
    assert audiences["newsletter-readers"]["matched"] > 0
    assert audiences["like-big-baskets"]["matched"] > 0
    assert 0 < report["latency_seconds"]["p50"] <= report["latency_seconds"]["p99"]
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []


def test_an_unavailable_store_ends_the_demo_with_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streamseg.commands", "demo", "--redis", "redis://127.0.0.1:1", "--for", "5s"],
        capture_output=True,
        timeout=120,
        check=False,
        text=True,
    )
    assert done.returncode == 3
    *progress, line = done.stderr.splitlines()
    assert all(each.endswith(" ...") for each in progress)
    assert line.startswith("streamseg: Redis: ")
