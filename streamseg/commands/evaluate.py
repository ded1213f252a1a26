"""`streamseg evaluate`: agreement of the live memberships with a truth file."""

import asyncio
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streamseg.commands import Invocation
from streamseg.errors import SettingsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from streamseg.settings import Settings

_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Live:
    """What stands in the store: the clock, the vectors of all customers who did something, and the segments."""

    now: float
    customer_ids: list[str]
    vectors: "NDArray[np.float64]"
    segments: dict[str, str | None]


@click.command("evaluate")
@click.option(
    "--truth",
    required=True,
    type=click.Path(path_type=Path),
    help="CSV: customer_id, label and, for those who move, from.",
)
@click.option("--segmentation", default="behaviour", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def command(invocation: Invocation, truth: Path, segmentation: str, as_json: bool) -> None:
    """Compare the live memberships with a truth file, and with k-means that sees all the same vectors at once.

    ARI and adjusted mutual information over all customers of the truth; unassigned customers count as one group, those
    without a membership as another.
    """
    from streamseg import wiring
    from streamseg.evaluation.measures import agreement, offline_segments
    from streamseg.features.catalogue import catalogue
    from streamseg.sources.truth import labels_at, read_truth

    settings = invocation.settings
    if segmentation not in settings.segmentations:
        raise SettingsError(f"there is no segmentation {segmentation}; there are {', '.join(settings.segmentations)}")
    if not truth.is_file():
        raise SettingsError(f"truth file {truth} is not there")
    chosen = settings.segmentations[segmentation]
    rows = read_truth(truth)
    live = asyncio.run(_live(settings, segmentation, [row.customer_id for row in rows]))
    labels = labels_at(rows, live.now)
    if not labels:
        raise SettingsError(f"truth file {truth} names no customer")
    found = agreement(labels, live.segments)
    offline_ari = None
    if len(live.customer_ids) >= chosen.k:
        known = catalogue(wiring.layout_of(settings))
        features = [known[feature] for feature in wiring.features_of(settings, segmentation)]
        offline = offline_segments(live.customer_ids, live.vectors, features, chosen.k)
        offline_ari = agreement(labels, dict(offline)).ari
    told = asdict(found) | {
        "offline_ari": offline_ari,
        "ratio": found.ari / offline_ari if offline_ari else None,
    }
    if as_json:
        click.echo(json.dumps(told))
    else:
        _show(told)


async def _live(settings: "Settings", segmentation: str, customer_ids: list[str]) -> _Live:
    from streamseg import wiring
    from streamseg.wiring.segments_service import live_vectors

    now, known, vectors = await live_vectors(settings, segmentation)
    segments: dict[str, str | None] = {}
    async with wiring.stores(settings) as (_, memberships, _):
        distinct = list(dict.fromkeys(customer_ids))
        for start in range(0, len(distinct), _AT_ONCE):
            asked = distinct[start : start + _AT_ONCE]
            for customer, stored in zip(asked, await memberships.read(asked), strict=True):
                if stored is not None:
                    standing = json.loads(stored)["segments"].get(segmentation)
                    segments[customer] = standing and standing["id"]
    return _Live(now, known, vectors, segments)


def _show(told: dict[str, object]) -> None:
    from rich.console import Console
    from rich.table import Table

    confusion = told["confusion"]
    assert isinstance(confusion, dict)
    segments = sorted({segment for row in confusion.values() for segment in row})
    table = Table("label", *segments)
    for label, row in confusion.items():
        table.add_row(label, *(str(row.get(segment, "")) for segment in segments))
    console = Console()
    console.print(table)
    offline, ratio = told["offline_ari"], told["ratio"]
    beside = "" if offline is None else f"; offline k-means {offline:.3f}, ratio {ratio:.3f}"
    console.print(f"{told['customers']} customers, ARI {told['ari']:.3f}, AMI {told['ami']:.3f}{beside}")
