"""The peers' own environment: made on first use, from a lock with hashes, in a folder named by the lock."""

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

ROOT: Final = Path(__file__).parents[3]
LOCK: Final = Path(__file__).parent / "requirements.lock"
NAMED: Final = ("bytewax", "quixstreams")


def folder_of(lock: bytes) -> Path:
    """Where the environment with this lock stands."""
    return ROOT / ".cache" / "peers" / hashlib.sha256(lock).hexdigest()[:12]


def python(say: Callable[[str], None]) -> Path:
    """The environment's Python, installed where it is not there yet. Raises `click.ClickException`."""
    folder = folder_of(LOCK.read_bytes())
    program = folder / "bin" / "python"
    done = folder / ".installed"
    if not done.exists():
        say(f"installing the peers into {folder.relative_to(ROOT)}, once")
        made = subprocess.run(
            [str(ROOT / ".ci" / "install.sh"), str(folder), str(LOCK)], capture_output=True, text=True, check=False
        )
        if made.returncode:
            raise click.ClickException(
                f"the peers could not be installed; --only streamseg --only limit does without: {made.stderr[-500:]}"
            )
        done.touch()
    return program


def versions(lock: str) -> dict[str, str]:
    """Of the peers, as the lock has them."""
    pinned = (line.split(" ", 1)[0].partition("==") for line in lock.splitlines() if "==" in line)
    return {name: version for name, _, version in pinned if name in NAMED}
