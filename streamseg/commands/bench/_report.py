"""Runs a benchmark of the checkout and prints its result: one JSON document, or tables."""

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

import streamseg
from streamseg.commands._text import columns

if TYPE_CHECKING:
    from rich.console import Console

ROOT: Final = Path(streamseg.__file__).parents[1]


def measure_and_print(
    benchmark: str, show: "Callable[[Console, dict[str, Any]], None]", *, as_json: bool, **options: Any
) -> None:
    """Call `measure` of `tests/bench/<benchmark>` with the options, and print what it returns.

    The benchmark is not part of the package: it needs a real Kafka and the peers. `show` prints the tables. Raises
    `click.ClickException` outside of a checkout.
    """
    if not (ROOT / "tests" / "bench").is_dir():
        raise click.ClickException("benchmarks run from a checkout of the repository, which has the servers")
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    module = importlib.import_module(f"tests.bench.{benchmark}.measure_{benchmark}")
    answer = module.measure(**options, say=lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps(answer))
        return
    from rich.console import Console

    console = Console(width=columns())
    show(console, answer)
    for name in ("machine", "versions"):
        if name in answer:
            values = ", ".join(f"{key} {value}" for key, value in answer[name].items())
            console.print(f"{name}: {values}", highlight=False)
