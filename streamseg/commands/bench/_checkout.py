"""What a benchmark needs and the package does not carry: real Kafka, the peers, the reference loads."""

import importlib
import sys
from pathlib import Path
from typing import Any, Final

import click

import streamseg

ROOT: Final = Path(streamseg.__file__).parents[1]


def from_checkout(module: str) -> Any:
    """Import a module of `tests/`. Raises `click.ClickException` where there is no checkout."""
    if not (ROOT / "tests" / "bench").is_dir():
        raise click.ClickException("this benchmark runs from a checkout of the repository, which has the servers")
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return importlib.import_module(module)
