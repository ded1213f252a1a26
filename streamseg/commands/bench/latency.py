"""`streamseg bench latency`: time from an event's due time to its membership in Redis, under load."""

from typing import TYPE_CHECKING, Any

import click

from streamseg.commands._options import json_option
from streamseg.commands.bench._options import choices_option
from streamseg.commands.bench._report import measure_and_print

if TYPE_CHECKING:
    from rich.console import Console

SHARES = (0.1, 0.5, 0.8)
PEERS = ("bare", "kafka-streams")


@click.command("latency")
@click.option(
    "--events",
    type=click.IntRange(min=1_000),
    default=500_000,
    show_default=True,
    help="Events for measuring the throughput.",
)
@click.option("--customers", type=click.IntRange(min=1_000), default=100_000, show_default=True, help="Customers.")
@click.option("--partitions", type=click.IntRange(min=1), default=4, show_default=True, help="Of each input topic.")
@click.option("--seconds", type=click.FloatRange(min=1), default=20.0, show_default=True, help="Duration of each load.")
@click.option(
    "--share", "shares", type=click.FloatRange(0, 1, min_open=True), multiple=True, default=SHARES, show_default=True,
    help="Load as a share of the measured throughput; repeatable.",
)  # fmt: skip
@choices_option("--beside", "peers", PEERS, "Peer to measure at the same rates")
@json_option
def command(
    *,
    events: int,
    customers: int,
    partitions: int,
    seconds: float,
    shares: tuple[float, ...],
    peers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Measure the time from an event's due time until its membership can be read in Redis.

    One worker; servers and load generator run on this machine too. The throughput is measured first, in the same run.
    Then peers get the same rates. The bare path does the least: consume, decode, one SET per customer of a batch.
    """
    measure_and_print(
        "latency",
        _show,
        as_json=as_json,
        events=events,
        customers=customers,
        partitions=partitions,
        seconds=seconds,
        shares=shares,
        peers=peers,
    )


def _show(console: "Console", answer: dict[str, Any]) -> None:
    from streamseg.commands._text import folding_table

    names = ("p50_seconds", "p99_seconds", "p99.9_seconds", "probes", "generator_late_p99_seconds")
    figures = ("p50 ms", "p99 ms", "p99.9 ms", "cores", "probes", "generator delay, p99 ms")
    table = folding_table("load", "process", *figures)
    for load in answer["loads"]:
        for process, one in ({"streamseg": load} | load["peers"]).items():
            p50, p99, p999, probes, late = (one[name] for name in names)
            millis = [f"{seconds * 1000:.1f}" for seconds in (p50, p99, p999)]
            given = f"{load['share']:.0%}, {one['events_per_second']:,.0f}/s"
            table.add_row(given, process, *millis, f"{one['cores']:.2f}", f"{probes:,}", f"{late * 1000:.1f}")
    console.print(table)
    of_stages = folding_table("load", "stage of a run or cycle", "p50 ms", "p99 ms", "times")
    for load in answer["loads"]:
        for stage, one in load["stages"].items():
            millis = [f"{one[name] * 1000:.1f}" for name in ("p50_seconds", "p99_seconds")]
            of_stages.add_row(f"{load['share']:.0%}", stage, *millis, f"{one['count']:,.0f}")
    console.print(of_stages)
    console.print(
        f"Throughput: {answer['events_per_second']:,.0f} events/s. Latency is the time from an event's due time until "
        "Redis announces that its membership is written."
    )
