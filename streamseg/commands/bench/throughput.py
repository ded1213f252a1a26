"""`streamseg bench throughput`: one worker on a filled topic, compared with peers and the upper limit."""

from typing import TYPE_CHECKING, Any

import click

from streamseg.commands._options import json_option
from streamseg.commands.bench._options import choices_option
from streamseg.commands.bench._report import measure_and_print

if TYPE_CHECKING:
    from rich.console import Console

CONTESTANTS = ("streamseg", "faust", "bytewax", "quix", "limit")
SLOW = ("faust", "quix")
SLOW_EVENTS = 100_000
LOADS = ("skewed", "flat")


@click.command("throughput")
@click.option("--events", type=click.IntRange(min=1_000), default=1_000_000, show_default=True, help="Events per load.")
@click.option("--customers", type=click.IntRange(min=1_000), default=200_000, show_default=True, help="Customers.")
@click.option(
    "--rounds", type=click.IntRange(1, 20), default=3, show_default=True, help="Rounds; the median is reported."
)
@choices_option("--load", "loads", LOADS, "Kind of load")
@choices_option("--only", "names", CONTESTANTS, "Process to measure")
@click.option(
    "--slow-events",
    type=click.IntRange(min=1_000),
    default=SLOW_EVENTS,
    show_default=True,
    help="Events per load for Faust and Quix.",
)
@click.option(
    "--audiences",
    type=click.IntRange(0, 100),
    default=0,
    help="Measure our worker once more with so many audiences to decide, as streamseg-audiences.",
)
@json_option
def command(
    *,
    events: int,
    customers: int,
    rounds: int,
    loads: tuple[str, ...],
    names: tuple[str, ...],
    slow_events: int,
    audiences: int,
    as_json: bool,
) -> None:
    """Measure events per second and CPU time per event of the complete path, on a real Kafka and Redis.

    All processes do the same work and must end with the same state. Each is started first and frozen while the topic
    is filled, so that its start is not measured. Faust and Quix Streams would need up to an hour for the whole load:
    they get a smaller one with as many events per customer.
    """
    measure_and_print(
        "throughput",
        _show,
        as_json=as_json,
        events=events,
        customers=customers,
        rounds=rounds,
        loads=loads,
        names=names,
        slow_events=min(slow_events, events),
        audiences=audiences,
    )


def _show(console: "Console", answer: dict[str, Any]) -> None:
    from streamseg.commands._text import folding_table

    table = folding_table(
        "load", "events", "process", "events/s", "us of CPU per event", "streamseg is faster by", "CPU over the limit"
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
        console.print("The smaller load has as many events per customer, drawn the same way.")
