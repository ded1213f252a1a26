"""`streamseg simulate`: send the events of FitGear, the simulated shop."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option, sending_options
from streamseg.commands._progress import SendingBar, working
from streamseg.commands._sending import (
    print_sent,
    send_to_topics,
    wait_until_absorbed,
    wait_until_relearned,
    write_to_file,
)

if TYPE_CHECKING:
    from streamseg.sources.sending import SendProgress


@click.command("simulate")
@click.option(
    "--customers", default=2_000, show_default=True, type=click.IntRange(min=1), help="Customers of the shop."
)
@click.option(
    "--days", default=90, show_default=True, type=click.IntRange(min=1), help="Length of the history, in days."
)
@click.option(
    "--seed",
    default=1,
    show_default=True,
    type=click.IntRange(min=0),
    help="Seed; the same seed and end give the same events.",
)
@click.option(
    "--drift",
    type=click.IntRange(min=1),
    metavar="DAY",
    help="Day on which demand changes: one group disappears, some customers change group, a new group appears.",
)
@click.option("--ends-at", type=click.DateTime(), help="End of the history, UTC.  [default: now]")
@sending_options
@click.option(
    "--fast-days",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    metavar="DAYS",
    help="Days at the start that are sent at full speed.",
)
@click.option(
    "--most-lag",
    type=click.IntRange(min=1),
    metavar="RECORDS",
    help="Lag of the workers, in records, above which sending pauses.",
)
@click.option(
    "--truth",
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="File to write the true groups to: customer_id, label, from.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="JSONL",
    help="File to write the events to (.jsonl or .jsonl.gz) instead of sending them.",
)
@click.option("--into-live", is_flag=True, help="Send also to topics that hold events of customers of a real shop.")
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    *,
    customers: int,
    days: int,
    seed: int,
    drift: int | None,
    ends_at: datetime | None,
    speed: float | None,
    fast_days: int,
    most_lag: int | None,
    truth: Path | None,
    out: Path | None,
    into_live: bool,
    wait: bool,
    patience: float,
    as_json: bool,
) -> None:
    """Send the history of FitGear, a simulated fitness shop whose customers' true groups are known.

    Refused on topics that hold events of other customers, because their segments would be learned from both.
    """
    from streamseg.sources.fitgear import FitGear
    from streamseg.sources.truth import write_truth
    from streamseg.wiring.demo_servers import check_kafka

    settings = invocation.settings
    end = time.time() if ends_at is None else ends_at.replace(tzinfo=UTC).timestamp()
    if not out and not into_live:
        asyncio.run(check_kafka(settings, "add --into-live to mix simulated customers with them all the same"))
    with working(f"making a shop of {customers:,} customers"):
        shop = FitGear(customers, days, seed, ends_at=end, drift=drift, currency=settings.money.currency)
        if truth:
            write_truth(truth, shop.truth())
    with SendingBar("simulate", days * 86_400.0) as bar:

        def show(so_far: "SendProgress") -> None:
            bar.show((so_far.latest or 0.0) - (so_far.first or 0.0), so_far)

        paced_from = end - (days - fast_days) * 86_400.0
        sent = asyncio.run(
            write_to_file(out, shop, show)
            if out
            else send_to_topics(settings, shop, speed, show, paced_from=paced_from, most_lag=most_lag)
        )
    if wait and not out:
        wait_until_absorbed(settings, patience)
        wait_until_relearned(settings, patience)
    print_sent(sent, as_json, customers=customers, seed=seed)
