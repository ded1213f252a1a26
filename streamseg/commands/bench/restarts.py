"""`streamseg bench restarts`: three workers restarted one after the other, and how late memberships are meanwhile."""

from typing import TYPE_CHECKING, Any

import click

from streamseg.commands._options import json_option
from streamseg.commands.bench._options import choices_option
from streamseg.commands.bench._report import measure_and_print

if TYPE_CHECKING:
    from rich.console import Console

PROFILES = ("fast", "rolling")


@click.command("restarts")
@click.option("--customers", type=click.IntRange(min=100), default=20_000, show_default=True, help="Known customers.")
@click.option("--rate", type=click.FloatRange(min=1), default=1_000, show_default=True, help="Events per second.")
@click.option(
    "--quiet", type=click.FloatRange(min=1), default=20, show_default=True, help="Seconds before the first restart."
)
@choices_option("--only", "profiles", PROFILES, "Group membership to measure")
@json_option
def command(*, customers: int, rate: float, quiet: float, profiles: tuple[str, ...], as_json: bool) -> None:
    """Restart three workers on 12 partitions one after the other; measure how long memberships take meanwhile.

    In both profiles of group membership. At the end `verify` must find nothing.
    """
    chosen = list(dict.fromkeys(profiles))
    options = {"profiles": chosen, "customers": customers, "rate": rate, "quiet_seconds": quiet}
    measure_and_print("restarts", _show, as_json=as_json, **options)


def _show(console: "Console", answer: dict[str, Any]) -> None:
    from streamseg.commands._text import folding_table

    table = folding_table("profile", "while", "p50, s", "p99, s", "longest, s", "lost or doubled")
    for profile, one in answer["restarts"].items():
        wrong = one["verify"]["lost"] + one["verify"]["doubled"]
        for name in ("quiet", "restarting"):
            delays = [f"{one[name][share]:.2f}" for share in ("p50", "p99", "longest")]
            table.add_row(profile, name, *delays, "" if name == "quiet" else str(wrong))
    console.print(table)
