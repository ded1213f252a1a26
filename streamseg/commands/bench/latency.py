"""`streamseg bench latency`: from producing an event to its effect readable in Redis, under load."""

from typing import TYPE_CHECKING, Any

import click

from streamseg.commands.bench._checkout import from_checkout
from streamseg.commands.bench._report import tell

if TYPE_CHECKING:
    from rich.console import Console

SHARES = (0.1, 0.5, 0.8)


@click.command("latency")
@click.option("--events", type=click.IntRange(min=1_000), default=500_000, show_default=True, help="To find the rate.")
@click.option("--customers", type=click.IntRange(min=1_000), default=100_000, show_default=True)
@click.option("--seconds", type=click.FloatRange(min=1), default=20.0, show_default=True, help="At each rate.")
@click.option(
    "--share", "shares", type=click.FloatRange(0, 1, min_open=True), multiple=True, default=SHARES, show_default=True,
    help="Of the throughput found; may be repeated.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(*, events: int, customers: int, seconds: float, shares: tuple[float, ...], as_json: bool) -> None:
    """Measure the time from when an event is due to be produced until its membership can be read in Redis.

    One worker, all on this machine, the generator of the load included. The throughput is found in the same run.
    """
    measure = from_checkout("tests.bench.latency.run").measure
    answer = measure(
        events=events, customers=customers, seconds=seconds, shares=shares, say=lambda line: click.echo(line, err=True)
    )
    tell(answer, _show, as_json=as_json)


def _show(console: "Console", answer: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table("load", "events/s", "p50 ms", "p99 ms", "p99.9 ms", "probes", "generator late, p99 ms")
    for one in answer["loads"]:
        names = ("p50_seconds", "p99_seconds", "p99.9_seconds", "probes", "generator_late_p99_seconds")
        p50, p99, p999, probes, late = (one[name] for name in names)
        millis = [f"{seconds * 1000:.1f}" for seconds in (p50, p99, p999)]
        rate = f"{one['events_per_second']:,.0f}"
        table.add_row(f"{one['share']:.0%}", rate, *millis, f"{probes:,}", f"{late * 1000:.1f}")
    console.print(table)
    console.print(
        f"Throughput found: {answer['events_per_second']:,.0f} events/s. From when an event is due to be produced "
        "until Redis tells that its membership is written."
    )
