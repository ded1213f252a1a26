"""`streamseg bench throughput`: one worker on a filled topic, compared with peers and the upper limit."""

from typing import TYPE_CHECKING, Any

import click

from streamseg.commands._options import json_option
from streamseg.commands.bench._options import choices_option
from streamseg.commands.bench._report import measure_and_print

if TYPE_CHECKING:
    from rich.console import Console

CONTESTANTS = (
    "streamseg",
    "kafka-streams",
    "kafka-streams-rocksdb",
    "flink",
    "flink-rocksdb",
    "faust",
    "bytewax",
    "pathway",
    "quix",
    "limit",
)
SLOW = ("faust", "quix")
SLOW_EVENTS = 100_000
LOADS = ("skewed", "flat")
QUICK = {"events": 100_000, "customers": 20_000, "rounds": 1, "slow_events": 3_000}
"""What `--quick` takes instead."""


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
@click.option("--quick", is_flag=True, help="One round of 100,000 events; Faust and Quix get 3,000.")
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
    quick: bool,
    audiences: int,
    as_json: bool,
) -> None:
    """Measure events per second and CPU time per event of the complete path, on a real Kafka and Redis.

    All processes do the same work and must end with the same state. Each is started first and frozen while the topic
    is filled, so that its start is not measured; those on the JVM are warm by then. Faust and Quix Streams would need
    up to an hour for the whole load: they get a smaller one with as many events per customer.
    """
    size = {"events": events, "customers": customers, "rounds": rounds, "slow_events": min(slow_events, events)}
    measure_and_print(
        "throughput",
        _show,
        as_json=as_json,
        loads=loads,
        names=names,
        audiences=audiences,
        **(QUICK if quick else size),
    )


def _show(console: "Console", answer: dict[str, Any]) -> None:
    from streamseg.commands._text import folding_table

    for load, measured in answer["loads"].items():
        console.print(f"{load}, {answer['events']:,} events")
        table = folding_table("process", "events/s", "us of CPU per event", "CPU over ours", "CPU over limit", "MB")
        ours, limit = measured.get("streamseg"), measured.get("limit")
        for name, one in measured.items():
            cpu = one["cpu_seconds_per_event"]
            over = f"{cpu / ours['cpu_seconds_per_event']:.2f}x" if ours else ""
            beyond = f"{cpu / limit['cpu_seconds_per_event']:.1f}x" if limit else ""
            memory = f"{one['memory_bytes'] / 1e6:,.0f}"
            table.add_row(name, f"{one['events_per_second']:,.0f}", f"{cpu * 1e6:.2f}", over, beyond, memory)
        console.print(table)
    slow = sorted(set(SLOW).intersection(*map(set, answer["loads"].values())))
    if answer["slow_events"] < answer["events"] and slow:
        console.print(
            f"{' and '.join(slow)}: {answer['slow_events']:,} events, as many per customer, drawn the same way."
        )
