"""`streamseg bench throughput`: one worker process on a topic filled beforehand, beside peers and the limit."""

from typing import TYPE_CHECKING, Any

import click

from streamseg.commands.bench._checkout import from_checkout
from streamseg.commands.bench._report import tell

if TYPE_CHECKING:
    from rich.console import Console

CONTESTANTS = ("streamseg", "faust", "bytewax", "quix", "limit")
SLOW = ("faust", "quix")
SLOW_EVENTS = 100_000
LOADS = ("skewed", "flat")


@click.command("throughput")
@click.option("--events", type=click.IntRange(min=1_000), default=1_000_000, show_default=True, help="Per load.")
@click.option("--customers", type=click.IntRange(min=1_000), default=200_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1, 20), default=3, show_default=True, help="All by turns; median told.")
@click.option("--load", "loads", type=click.Choice(LOADS), multiple=True, default=LOADS, help="May be repeated.")
@click.option(
    "--only", "names", type=click.Choice(CONTESTANTS), multiple=True, default=CONTESTANTS, help="May be repeated."
)
@click.option(
    "--slow-events", type=click.IntRange(min=1_000), default=SLOW_EVENTS, show_default=True, help="For Faust and Quix."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(
    *,
    events: int,
    customers: int,
    rounds: int,
    loads: tuple[str, ...],
    names: tuple[str, ...],
    slow_events: int,
    as_json: bool,
) -> None:
    """Measure events per second and CPU time per event, the complete path, on a real Kafka and a real Redis.

    Everybody does the same work and must end with the same state. Each is started first and stands still while the
    topic is filled, so that no start is measured. Faust and Quix Streams would need most of an hour for the whole load:
    they get a smaller one of the same kind, with as many events per customer.
    """
    measure = from_checkout("tests.bench.throughput.run").measure
    answer = measure(
        events=events,
        customers=customers,
        rounds=rounds,
        loads=loads,
        names=names,
        slow_events=min(slow_events, events),
        say=lambda line: click.echo(line, err=True),
    )
    tell(answer, _show, as_json=as_json)


def _show(console: "Console", answer: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(
        "load", "events", "process", "events/s", "us of CPU per event", "events/s over it", "CPU over the limit"
    )
    for load, measured in answer["loads"].items():
        ours, limit = measured.get("streamseg"), measured.get("limit")
        for name, one in measured.items():
            events = answer["slow_events"] if name in SLOW else answer["events"]
            over = f"{ours['events_per_second'] / one['events_per_second']:.1f}x" if ours else ""
            beyond = f"{one['cpu_seconds_per_event'] / limit['cpu_seconds_per_event']:.1f}x" if limit else ""
            micros = f"{one['cpu_seconds_per_event'] * 1e6:.2f}"
            table.add_row(load, f"{events:,}", name, f"{one['events_per_second']:,.0f}", micros, over, beyond)
    console.print(table)
    if answer["slow_events"] < answer["events"] and any(set(SLOW) & set(one) for one in answer["loads"].values()):
        console.print("The smaller load is of the same kind: as many events per customer, drawn alike.")
