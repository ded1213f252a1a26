"""`streamseg size`: what a number of customers and events needs, and what it costs."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option
from streamseg.commands._text import print_table, say

if TYPE_CHECKING:
    from streamseg.service.sizing.needs import Sizing

UNITS: Final = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
GIB: Final = 2.0**30


class Amount(click.ParamType):
    """A number above 0, as `50M`, `100k` or `1.5G`."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        matched = re.fullmatch(r"(\d+(?:\.\d+)?)([kMG]?)", str(value))
        if not matched or not float(matched[1]):
            self.fail(f"{value!r} is not a number such as 100k, 50M or 1.5G", param, ctx)
        return float(matched[1]) * UNITS[matched[2]]


@click.command("size")
@click.option("--customers", type=Amount(), required=True, help="Customers, such as 50M.")
@click.option(
    "--events-per-second", type=Amount(), required=True, help="Events per second at the busiest time, such as 100k."
)
@click.option("--prices", type=click.Path(path_type=Path), metavar="TOML", help="Price list.  [default: an example]")
@click.option(
    "--measured", type=click.Path(path_type=Path), metavar="TOML", help="Measured figures.  [default: the shipped ones]"
)
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    *,
    customers: float,
    events_per_second: float,
    prices: Path | None,
    measured: Path | None,
    as_json: bool,
) -> None:
    """Compute partitions, workers, memory, Redis shards, network and a monthly cost.

    Computed from what `streamseg bench` has measured, with a single Redis server and with a Cluster. Events per second
    are those of the busiest time; the average is taken to be a third of them.
    """
    from streamseg.service.sizing.figures import read_measured, read_prices
    from streamseg.service.sizing.needs import Load, sizing

    settings = invocation.settings
    load = Load(
        customers,
        events_per_second,
        settings.membership.bound_seconds,
        settings.redis.failover_margin_seconds,
        settings.worker.rows_in_memory,
    )
    figures, listed = read_measured(measured), read_prices(prices)
    both = {name: sizing(load, figures, listed, cluster=name == "cluster") for name in ("single", "cluster")}
    if as_json:
        asked = {"customers": customers, "events_per_second": events_per_second, "currency": listed.currency}
        click.echo(json.dumps(asked | {name: one.as_json() for name, one in both.items()}))
    else:
        _show(both["single"], both["cluster"], listed.currency)


def _show(single: "Sizing", cluster: "Sizing", currency: str) -> None:
    rows = [
        ("partitions", *(f"{one.partitions:,}" for one in (single, cluster))),
        ("workers, one core each", *(f"{one.workers:,}" for one in (single, cluster))),
        ("memory of a worker", *(gib(one.worker_bytes) for one in (single, cluster))),
        ("Redis shards, each with a replica", *(f"{one.redis_shards:,}" for one in (single, cluster))),
        ("memory of a shard's machine", *(gib(one.redis_bytes) for one in (single, cluster))),
        ("cores in use by Redis", *(f"{one.redis_cores:,.2f}" for one in (single, cluster))),
        ("Kafka cores, all brokers", *(f"{one.kafka_cores:,.1f}" for one in (single, cluster))),
        ("Kafka disk, 7 days, 3 replicas", *(gib(one.kafka_disk_bytes) for one in (single, cluster))),
        ("events to Kafka", *(f"{one.events_bytes_per_second / 1e6:,.1f} MB/s" for one in (single, cluster))),
        ("workers to Redis", *(f"{one.redis_bytes_per_second / 1e6:,.1f} MB/s" for one in (single, cluster))),
        *(
            (f"{name}, {currency} a month", *(f"{one.monthly[name]:,.0f}" for one in (single, cluster)))
            for name in single.monthly
        ),
    ]
    headings = ("", "single server", "Cluster")
    print_table(headings, rows, right=headings[1:])
    if not single.fits:
        say("A single Redis server is too small for this: it would need more than its memory or 60 % of its core.")


def gib(size: float) -> str:
    """Format bytes as GiB."""
    return f"{size / GIB:,.1f} GiB"
