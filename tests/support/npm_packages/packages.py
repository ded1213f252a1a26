"""Brings the npm packages of the lock file, whose hashes npm checks, into .cache."""

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
CACHE: Final = HERE.parents[2] / ".cache" / "npm_packages"


def npm_packages() -> Path:
    """Return the folder of the packages (`node_modules`). To read only: all tests share it."""
    lock = (HERE / "package-lock.json").read_bytes()
    folder = CACHE / sha256(lock).hexdigest()[:12]
    done = folder / "done"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True, capture_output=True
        )
        done.touch()
    return folder / "node_modules"
