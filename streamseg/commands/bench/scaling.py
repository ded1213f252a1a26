"""`streamseg bench scaling`: one and two workers over 8 partitions, and what many events a day would need."""

from typing import TYPE_CHECKING, Any

import click

from streamseg.commands.bench._checkout import from_checkout
from streamseg.commands.bench._report import tell

if TYPE_CHECKING:
    from rich.console import Console

MEASURED = (1, 2)
EVENTS_PER_DAY = 10e9


@click.command("scaling")
@click.option("--events", type=click.IntRange(min=1_000), default=1_000_000, show_default=True)
@click.option("--customers", type=click.IntRange(min=1_000), default=200_000, show_default=True)
@click.option(
    "--workers", type=click.IntRange(1, 8), multiple=True, default=MEASURED, show_default=True, help="May be repeated."
)
@click.option("--events-per-day", type=float, default=EVENTS_PER_DAY, show_default=True, help="To calculate for.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(*, events: int, customers: int, workers: tuple[int, ...], events_per_day: float, as_json: bool) -> None:
    """Measure workers side by side, with the CPU time of Redis and Kafka, and calculate what a day's load needs.

    The skewed load is sent as fast as can be while the workers run; sender, servers and workers share this machine.
    """
    measure = from_checkout("tests.bench.scaling.run").measure
    answer = measure(
        events=events,
        customers=customers,
        workers=workers,
        events_per_day=events_per_day,
        say=lambda line: click.echo(line, err=True),
    )
    tell(answer, _show, as_json=as_json)


def _show(console: "Console", answer: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table("workers", "events/s", "us of CPU per event: workers", "Redis", "Kafka")
    for one in answer["workers"]:
        micros = [f"{one[f'{name}_cpu_seconds_per_event'] * 1e6:.2f}" for name in ("worker", "redis", "kafka")]
        table.add_row(str(one["workers"]), f"{one['events_per_second']:,.0f}", *micros)
    console.print(table)
    need = answer["needed"]
    console.print(
        f"{need['events_per_day']:,.0f} events a day are {need['average_events_per_second']:,.0f}/s on average and "
        f"{need['peak_events_per_second']:,.0f}/s at a peak of {need['peak_over_average']:g}x. With "
        f"{need['share_of_a_core_in_use']:.0%} of each core in use that needs {need['workers']} workers of one core, "
        f"{need['redis_shards']} Redis shards and {need['kafka_cores']} cores of Kafka per replica, which takes "
        f"{need['kafka_bytes_per_second_at_peak'] / 1e6:,.0f} MB/s and {need['kafka_bytes_per_day'] / 1e12:.1f} TB/day."
    )
