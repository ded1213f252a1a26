"""`streamseg bench recovery`: kill -9 of one of two workers, until the other carries the full rate."""

from typing import TYPE_CHECKING, Any

import click

from streamseg.commands.bench._checkout import from_checkout
from streamseg.commands.bench._report import tell

if TYPE_CHECKING:
    from rich.console import Console

NAMES = ("streamseg", "faust")


@click.command("recovery")
@click.option("--customers", type=click.IntRange(min=1_000), default=1_000_000, show_default=True, help="Known ones.")
@click.option("--rate", type=click.FloatRange(min=1), default=10_000, show_default=True, help="Events a second.")
@click.option("--faust-customers", type=click.IntRange(min=1_000), default=50_000, show_default=True)
@click.option("--faust-rate", type=click.FloatRange(min=1), default=300, show_default=True)
@click.option("--only", "names", type=click.Choice(NAMES), multiple=True, default=NAMES, help="May be repeated.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(
    *, customers: int, rate: float, faust_customers: int, faust_rate: float, names: tuple[str, ...], as_json: bool
) -> None:
    """Measure how long a killed worker is missed, by memberships that can be read in Redis.

    Beside it the idiomatic Faust app, whose state comes back from its table's changelog; it is given fewer customers
    and a rate that it can carry.
    """
    run = from_checkout("tests.bench.recovery.run")
    cases = {
        "streamseg": run.Case("streamseg", customers, rate),
        "faust": run.Case("faust", faust_customers, faust_rate),
    }
    answer = run.measure(
        cases=[cases[name] for name in dict.fromkeys(names)], say=lambda line: click.echo(line, err=True)
    )
    tell(answer, _show, as_json=as_json)


def _show(console: "Console", answer: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table("workers", "known customers", "events/s", "taken over after s", "full rate after s")
    for name, one in answer["recovery"].items():
        table.add_row(
            f"{answer['workers']} {name}",
            f"{one['customers']:,}",
            f"{one['events_per_second']:,.0f}",
            f"{one['taken_over_seconds']:.1f}",
            f"{one['full_rate_seconds']:.1f}",
        )
    console.print(table)
