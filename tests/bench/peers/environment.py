"""The peers' own Python environments, installed on first use from lock files with hashes."""

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

ROOT: Final = Path(__file__).parents[3]
LOCK: Final = Path(__file__).parent / "requirements.lock"
PATHWAY_LOCK: Final = Path(__file__).parent / "pathway.lock"
NAMED: Final = ("bytewax", "quixstreams", "pathway")


def folder_of(lock: bytes) -> Path:
    """Folder of the environment for this lock file's content."""
    return ROOT / ".cache" / "peers" / hashlib.sha256(lock).hexdigest()[:12]


def python(say: Callable[[str], None], lock: Path = LOCK) -> Path:
    """The Python of the lock file's environment; installs it when missing. Raises `click.ClickException`."""
    folder = folder_of(lock.read_bytes())
    program = folder / "bin" / "python"
    done = folder / ".installed"
    if not done.exists():
        say(f"installing {lock.stem} of the peers into {folder.relative_to(ROOT)}")
        made = subprocess.run(
            [str(ROOT / ".ci" / "install.sh"), str(folder), str(lock)], capture_output=True, text=True, check=False
        )
        if made.returncode:
            raise click.ClickException(
                f"installing the peers failed; --only streamseg --only limit runs without them: {made.stderr[-500:]}"
            )
        done.touch()
    return program


def versions() -> dict[str, str]:
    """Versions of the peers in the lock files."""
    lines = [line for lock in (LOCK, PATHWAY_LOCK) for line in lock.read_text().splitlines()]
    pinned = (line.split(" ", 1)[0].partition("==") for line in lines if "==" in line)
    return {name: version for name, _, version in pinned if name in NAMED}
