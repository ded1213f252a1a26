"""`streamseg bench scaling`: one and two workers on 8 partitions, and the cores that a daily load needs."""

from typing import TYPE_CHECKING, Any

import click

from streamseg.commands._options import json_option
from streamseg.commands.bench._report import measure_and_print

if TYPE_CHECKING:
    from rich.console import Console

MEASURED = (1, 2)
EVENTS_PER_DAY = 10e9


@click.command("scaling")
@click.option(
    "--events", type=click.IntRange(min=1_000), default=1_000_000, show_default=True, help="Events of the load."
)
@click.option("--customers", type=click.IntRange(min=1_000), default=200_000, show_default=True, help="Customers.")
@click.option(
    "--workers",
    type=click.IntRange(1, 8),
    multiple=True,
    default=MEASURED,
    show_default=True,
    help="Number of workers; repeatable.",
)
@click.option(
    "--events-per-day",
    type=float,
    default=EVENTS_PER_DAY,
    show_default=True,
    help="Daily load to calculate the needed cores for.",
)
@json_option
def command(*, events: int, customers: int, workers: tuple[int, ...], events_per_day: float, as_json: bool) -> None:
    """Measure workers, Redis and Kafka under full load, and calculate the cores that a daily load needs.

    A skewed load is sent at full speed while the workers run; sender, servers and workers share this machine.
    """
    options = {"events": events, "customers": customers, "workers": workers, "events_per_day": events_per_day}
    measure_and_print("scaling", _show, as_json=as_json, **options)


def _show(console: "Console", answer: dict[str, Any]) -> None:
    from streamseg.commands._text import folding_table

    table = folding_table("workers", "events/s", "us of CPU per event: workers", "Redis", "Kafka")
    for one in answer["workers"]:
        micros = [f"{one[f'{name}_cpu_seconds_per_event'] * 1e6:.2f}" for name in ("worker", "redis", "kafka")]
        table.add_row(str(one["workers"]), f"{one['events_per_second']:,.0f}", *micros)
    console.print(table)
    need = answer["needed"]
    console.print(
        f"{need['events_per_day']:,.0f} events per day are {need['average_events_per_second']:,.0f}/s on average and "
        f"{need['peak_events_per_second']:,.0f}/s at a peak of {need['peak_over_average']:g}x. With "
        f"{need['share_of_a_core_in_use']:.0%} of each core in use this needs {need['workers']} workers of one core, "
        f"{need['redis_shards']} Redis shards and {need['kafka_cores']} Kafka cores per replica; Kafka takes "
        f"{need['kafka_bytes_per_second_at_peak'] / 1e6:,.0f} MB/s and {need['kafka_bytes_per_day'] / 1e12:.1f} TB/day."
    )
