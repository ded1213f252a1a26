"""`streamseg bench growth`: CPU, memory, stored bytes and sweep time by the number of known customers."""

from typing import TYPE_CHECKING, Any

import click

from streamseg.commands._options import json_option
from streamseg.commands.bench._report import measure_and_print

if TYPE_CHECKING:
    from rich.console import Console

SIZES = (10_000, 100_000, 1_000_000)


@click.command("growth")
@click.option(
    "--customers", "sizes", type=click.IntRange(min=1_000), multiple=True, default=SIZES, show_default=True,
    help="Known customers; repeatable. Ten million take 25 GB of memory, or 17 with `--rows`, and up to an hour.",
)  # fmt: skip
@click.option("--rows", type=click.IntRange(min=1_000), help="Rows in the worker's memory.  [default: all]")
@click.option("--events", type=click.IntRange(min=2_000), default=500_000, show_default=True, help="Events per load.")
@json_option
def command(*, sizes: tuple[int, ...], rows: int | None, events: int, as_json: bool) -> None:
    """Measure CPU per event, memory, bytes in Redis and the time of a sweep, by the number of known customers.

    All rows are in the worker's memory, or `--rows` of them; the cost of loading a row is measured separately. Sizes
    that do not fit into this machine's memory are skipped with a message.
    """
    measure_and_print("growth", _show, as_json=as_json, sizes=sizes, rows=rows, events=events)


def _show(console: "Console", answer: dict[str, Any]) -> None:
    from streamseg.commands._text import folding_table

    first = answer["sizes"][0]
    table = folding_table(
        "customers", "CPU us/event", f"with {first['customers']:,} active", "resident MB", "Redis B/customer",
        "row B", "membership B", "sweep s",
    )  # fmt: skip
    for one in answer["sizes"]:
        stored = one["redis_bytes_per_customer"]
        table.add_row(
            f"{one['customers']:,}",
            f"{one['cpu_seconds_per_event'] * 1e6:.2f}{' *' if one['a_sweep_ran_beside'] else ''}",
            f"{one['cpu_seconds_per_event_of_the_smallest'] * 1e6:.2f}",
            f"{one['resident_bytes'] / 1e6:,.0f}",
            f"{stored['together']:,.0f}",
            f"{stored['row']:,.0f}",
            f"{stored['membership']:,.0f}",
            f"{one['sweep_seconds']:.1f}",
        )
    layout = folding_table("field", "type", "bytes", "meaning", title="A stored row")
    for field in answer["row"]:
        layout.add_row(field["field"], field["type"], str(field["bytes"]), field["meaning"])
    layout.add_row("total", "", str(sum(field["bytes"] for field in answer["row"])), "")
    console.print(table)
    if any(one["a_sweep_ran_beside"] for one in answer["sizes"]):
        console.print("* a sweep ran during this load")
    miss = answer["miss"]
    console.print(
        f"With {miss['rows_in_memory']:,} rows in memory and {miss['customers']:,} customers in turn, "
        f"{miss['misses_per_event']:.2f} misses per event: {miss['cpu_seconds_per_event_without'] * 1e6:.1f} us per "
        f"event instead of {miss['cpu_seconds_per_event_with_room'] * 1e6:.1f}, so a miss costs "
        f"{miss['cpu_seconds_per_miss'] * 1e6:.1f} us of CPU."
    )
    console.print(layout)
