"""How a benchmark tells what it has measured: one JSON document, or tables with machine and versions below."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from rich.console import Console

WIDTH: Final = 120
"""Of tables that go into a file."""


def tell(answer: dict[str, Any], show: "Callable[[Console, dict[str, Any]], None]", *, as_json: bool) -> None:
    """Print the answer on stdout; `show` prints its tables."""
    if as_json:
        click.echo(json.dumps(answer))
        return
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    show(console, answer)
    for name in ("machine", "versions"):
        console.print(f"{name}: {', '.join(f'{key} {value}' for key, value in answer[name].items())}", highlight=False)
