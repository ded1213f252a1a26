"""`streamseg advise-k SEGMENTATION`: suggest the number of segments. The setting `k` is not changed."""

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option
from streamseg.commands._progress import working
from streamseg.commands._text import columns, folding_table, say
from streamseg.errors import StreamsegError

if TYPE_CHECKING:
    from streamseg.service.k_selection import KAdvice

_BAR: Final = 14


@click.command("advise-k")
@click.argument("segmentation", default="behaviour")
@click.option("--at-most", default=12, show_default=True, type=click.IntRange(4, 64), help="Largest k to try.")
@json_option
@click.pass_obj
def command(invocation: Invocation, segmentation: str, at_most: int, as_json: bool) -> None:
    """Suggest k for SEGMENTATION (default: behaviour); changes nothing.

    Fits k-means on the live customers for each k. Prints the Davies-Bouldin index (lower is better) and the elbow, the
    k from which inertia falls slowly.
    """
    from streamseg.service.k_selection import advise
    from streamseg.wiring.build_service import live_vectors
    from streamseg.wiring.derived import derive

    settings = invocation.settings
    with working("reading all rows"):
        _, customers, vectors = asyncio.run(live_vectors(settings, segmentation))
    if len(customers) < 2 * at_most:
        raise StreamsegError(
            f"{len(customers)} customers are too few to try {at_most} segments: at least {2 * at_most} are needed"
        )
    features = derive(settings).features_of(segmentation)
    with working(f"fitting up to {at_most} segments to {len(customers):,} customers"):
        advice = advise(vectors, features, at_most)
    if advice is None:
        raise StreamsegError(f"{len(customers):,} customers are too alike to try even 2 segments")
    k = settings.segmentations[segmentation].k
    if as_json:
        click.echo(json.dumps({"segmentation": segmentation, "k": k} | asdict(advice)))
    else:
        _show(segmentation, k, advice)


def _show(segmentation: str, k: int, advice: "KAdvice") -> None:
    from rich.bar import Bar
    from rich.console import Console

    table = folding_table(
        *("k", "Davies-Bouldin", "", "inertia", ""), title=f"{segmentation}: {advice.customers:,} customers"
    )
    worst, most = (max(getattr(one, name) for one in advice.tried) for name in ("davies_bouldin", "inertia"))
    for one in advice.tried:
        marks = [mark for mark, at in (("D-B", advice.by_davies_bouldin), ("elbow", advice.by_elbow)) if at == one.k]
        marks += ["now"] * (one.k == k)
        table.add_row(
            f"{one.k} {' '.join(f'<{mark}>' for mark in marks)}",
            f"{one.davies_bouldin:.3f}",
            Bar(worst, 0, one.davies_bouldin, width=_BAR),
            f"{one.inertia:,.0f}",
            Bar(most, 0, one.inertia, width=_BAR),
        )
    Console(width=columns(), highlight=False).print(table)
    say(
        f"Davies-Bouldin suggests {advice.by_davies_bouldin}, the elbow {advice.by_elbow}; the setting is {k}."
        " To try another k, add a second segmentation with `shadow = true`."
    )
