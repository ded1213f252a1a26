"""`streamseg simulate`: send the events of FitGear, the simulated shop."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamseg.commands import Invocation
from streamseg.commands._pouring import Bar, Speed, answer, pour_to_file, pour_to_topics, wait_until_absorbed

if TYPE_CHECKING:
    from streamseg.sources.sending import SendProgress


@click.command("simulate")
@click.option("--customers", default=2_000, show_default=True, type=click.IntRange(min=1))
@click.option("--days", default=90, show_default=True, type=click.IntRange(min=1), help="Length of the history.")
@click.option(
    "--seed",
    default=1,
    show_default=True,
    type=click.IntRange(min=0),
    help="The same seed and end give the same events.",
)
@click.option(
    "--drift",
    type=click.IntRange(min=1),
    metavar="DAY",
    help="Let demand change on this day: a kind of customer dies out, some move, a new kind is born.",
)
@click.option("--ends-at", type=click.DateTime(), help="End of the history, UTC.  [default: now]")
@click.option("--speed", type=Speed(), default="max", show_default=True, help="max, or a multiple of real time: 100x.")
@click.option(
    "--fast-days", default=0, type=click.IntRange(min=0), help="So many days at the start are sent at full speed."
)
@click.option("--most-lag", type=click.IntRange(min=1), help="Wait while the workers are more records behind.")
@click.option(
    "--truth",
    type=click.Path(path_type=Path),
    help="CSV to write: who really belongs where (customer_id, label, from).",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write JSON Lines (.jsonl or .jsonl.gz) instead of sending."
)
@click.option("--wait", is_flag=True, help="Return when the workers have absorbed everything.")
@click.option(
    "--patience", default=60.0, show_default=True, help="Seconds without any progress after which --wait gives up."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
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
    wait: bool,
    patience: float,
    as_json: bool,
) -> None:
    """Send the history of a simulated fitness shop, whose customers' true groups are known; it ends now."""
    from streamseg.sources.fitgear import FitGear
    from streamseg.sources.truth import write_truth

    settings = invocation.settings
    end = time.time() if ends_at is None else ends_at.replace(tzinfo=UTC).timestamp()
    shop = FitGear(customers, days, seed, ends_at=end, drift=drift, currency=settings.money.currency)
    if truth:
        write_truth(truth, shop.truth())
    with Bar("simulate", days * 86_400.0) as bar:

        def sent(poured: "SendProgress") -> None:
            bar.show((poured.latest or 0.0) - (poured.first or 0.0), poured)

        paced_from = end - (days - fast_days) * 86_400.0
        pouring = (
            pour_to_file(out, shop, sent)
            if out
            else pour_to_topics(settings, shop, speed, sent, paced_from=paced_from, most_lag=most_lag)
        )
        poured = asyncio.run(pouring)
    if wait and not out:
        wait_until_absorbed(settings, patience)
    answer(poured, as_json, customers=customers, seed=seed)
