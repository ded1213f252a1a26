"""`streamseg bench recovery`: kill -9 of a worker, and the time until all of the load is carried again."""

from typing import TYPE_CHECKING, Any

import click

from streamseg.commands._options import json_option
from streamseg.commands.bench._options import choices_option
from streamseg.commands.bench._report import measure_and_print

if TYPE_CHECKING:
    from rich.console import Console

TAKEN_OVER = ("streamseg", "faust")
"""Two workers: one is killed, and the other takes over."""
RESTARTED = ("streamseg-alone", "streamseg-static", "kafka-streams", "kafka-streams-rocksdb", "flink", "flink-rocksdb")
"""One worker, killed and started again."""


@click.command("recovery")
@click.option(
    "--customers", type=click.IntRange(min=1_000), default=1_000_000, show_default=True, help="Known customers."
)
@click.option("--rate", type=click.FloatRange(min=1), default=10_000, show_default=True, help="Events per second.")
@click.option(
    "--faust-customers",
    type=click.IntRange(min=1_000),
    default=50_000,
    show_default=True,
    help="Known customers of the Faust app.",
)
@click.option(
    "--faust-rate",
    type=click.FloatRange(min=1),
    default=300,
    show_default=True,
    help="Events per second of the Faust app.",
)
@click.option("--at-once", is_flag=True, help="Kill right after the customers came, as after a backfill.")
@choices_option("--only", "names", TAKEN_OVER + RESTARTED, "What to measure")
@json_option
def command(
    *,
    customers: int,
    rate: float,
    faust_customers: int,
    faust_rate: float,
    at_once: bool,
    names: tuple[str, ...],
    as_json: bool,
) -> None:
    """Kill a worker; measure how long memberships in Redis are late.

    One of two workers of ours, whose partitions the other takes over; and the only one, which is started again at once,
    as a dynamic and as a static member of its group, beside the peers on the JVM. The same for an idiomatic Faust app,
    which restores its state from its table's changelog; it gets fewer customers and a rate that it can carry.
    """
    cases = [
        {
            "name": name,
            "contestant": name.removesuffix("-alone").removesuffix("-static"),
            "workers": 2 if name in TAKEN_OVER else 1,
            "customers": faust_customers if name == "faust" else customers,
            "rate": faust_rate if name == "faust" else rate,
            "static": name == "streamseg-static",
            "at_once": at_once,
        }
        for name in dict.fromkeys(names)
    ]
    measure_and_print("recovery", _show, as_json=as_json, cases=cases)


def _show(console: "Console", answer: dict[str, Any]) -> None:
    from streamseg.commands._text import folding_table

    table = folding_table("workers", "known customers", "events/s", "first again after s", "full rate after s", "lost")
    for name, one in answer["recovery"].items():
        table.add_row(
            f"{one['workers']} {name}",
            f"{one['customers']:,}",
            f"{one['events_per_second']:,.0f}",
            f"{one['taken_over_seconds']:.1f}",
            f"{one['full_rate_seconds']:.1f}",
            f"{one['lost_events']:,}",
        )
    console.print(table)
