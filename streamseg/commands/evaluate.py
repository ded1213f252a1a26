"""`streamseg evaluate`: compare the live memberships with a truth file."""

import asyncio
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option
from streamseg.commands._progress import working
from streamseg.commands._text import print_table, say
from streamseg.errors import SettingsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from streamseg.settings import Settings

_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Live:
    """The stored state: present time, vectors of the active customers, segments by customer id."""

    now: float
    customer_ids: list[str]
    vectors: "NDArray[np.float64]"
    segments: dict[str, str | None]


@click.command("evaluate")
@click.option(
    "--truth",
    required=True,
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="File with the true groups: customer_id, label and, for customers who change group, from.",
)
@click.option("--segmentation", default="behaviour", show_default=True, help="Segmentation to compare.")
@json_option
@click.pass_obj
def command(invocation: Invocation, truth: Path, segmentation: str, as_json: bool) -> None:
    """Compare the live memberships with a truth file and with offline k-means on the same vectors.

    Prints the adjusted Rand index (ARI) and adjusted mutual information (AMI) over all customers of the truth file.
    Unassigned customers count as one group, customers without a membership as another.
    """
    from streamseg.evaluation.measures import agreement, offline_segments
    from streamseg.service.segmentations import check_declared
    from streamseg.sources.truth import labels_at, read_truth
    from streamseg.wiring.derived import derive

    settings = invocation.settings
    check_declared(settings.segmentations, segmentation)
    if not truth.is_file():
        raise SettingsError(f"truth file {truth} does not exist")
    chosen = settings.segmentations[segmentation]
    rows = read_truth(truth)
    with working("reading all rows and memberships"):
        live = asyncio.run(_live(settings, segmentation, [row.customer_id for row in rows]))
    labels = labels_at(rows, live.now)
    if not labels:
        raise SettingsError(f"truth file {truth} names no customer")
    found = agreement(labels, live.segments)
    offline_ari = None
    if len(live.customer_ids) >= chosen.k:
        features = derive(settings).features_of(segmentation)
        with working("computing the offline k-means"):
            offline = offline_segments(live.customer_ids, live.vectors, features, chosen.k)
        offline_ari = agreement(labels, dict(offline)).ari
    result = asdict(found) | {
        "offline_ari": offline_ari,
        "ratio": found.ari / offline_ari if offline_ari else None,
    }
    if as_json:
        click.echo(json.dumps(result))
    else:
        _show(result)


async def _live(settings: "Settings", segmentation: str, customer_ids: list[str]) -> _Live:
    from streamseg.wiring.build_service import live_vectors
    from streamseg.wiring.stores import stores

    now, known, vectors = await live_vectors(settings, segmentation)
    segments: dict[str, str | None] = {}
    async with stores(settings) as (_, memberships, _):
        distinct = list(dict.fromkeys(customer_ids))
        for start in range(0, len(distinct), _AT_ONCE):
            asked = distinct[start : start + _AT_ONCE]
            for customer, stored in zip(asked, await memberships.read(asked), strict=True):
                if stored is not None:
                    segment = json.loads(stored)["segments"].get(segmentation)
                    segments[customer] = segment and segment["id"]
    return _Live(now, known, vectors, segments)


def _show(result: dict[str, object]) -> None:
    confusion = result["confusion"]
    assert isinstance(confusion, dict)
    rows = []
    for label, row in confusion.items():
        largest = sorted(row.items(), key=lambda item: -item[1])
        rows.append((label, f"{sum(row.values()):,}", ", ".join(f"{name} {count:,}" for name, count in largest)))
    print_table(("label", "customers", "in the segments"), rows, right=("customers",))
    offline, ratio = result["offline_ari"], result["ratio"]
    beside = "" if offline is None else f"; offline k-means {offline:.3f}, ratio {ratio:.3f}"
    say(f"{result['customers']:,} customers, ARI {result['ari']:.3f}, AMI {result['ami']:.3f}{beside}")
