"""`streamseg bench serving`: how fast the API answers, compared with a bare ASGI app, in the same run."""

import json
from typing import TYPE_CHECKING, Any

import click

from streamseg.commands._options import json_option
from streamseg.commands.bench._report import measure_and_print

if TYPE_CHECKING:
    from rich.console import Console


@click.command("serving")
@click.option(
    "--seconds", type=click.IntRange(1, 60), default=5, show_default=True, help="Duration of each measurement."
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 20),
    default=3,
    show_default=True,
    help="Rounds; each measures the bare app, then the API.",
)
@click.option(
    "--streams",
    type=click.IntRange(0, 10_000),
    default=1_000,
    show_default=True,
    help="Event streams that are open in the last measurement.",
)
@json_option
def command(seconds: int, rounds: int, streams: int, as_json: bool) -> None:
    """Measure lookups, batches and open event streams of the API, compared with a bare ASGI app that does one GET.

    Latencies are medians over the rounds. The servers share this machine with Redis and the load generator:
    `waited_for_a_core` is the share of its runnable time that the API waited for a core. Above a few percent the
    machine is too small or too busy for the latencies to be meaningful.
    """
    measure_and_print("serving", _show, as_json=as_json, seconds=seconds, rounds=rounds, streams=streams)


def _show(console: "Console", answer: dict[str, Any]) -> None:
    from streamseg.commands._text import folding_table

    table = folding_table("measured", "value")
    for name, value in answer.items():
        table.add_row(name, json.dumps(value))
    console.print(table)
