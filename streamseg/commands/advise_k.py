"""`streamseg advise-k SEGMENTATION`: how many segments the data speak for. Advice: `k` stays a setting."""

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from streamseg.commands import Invocation
from streamseg.errors import SettingsError

if TYPE_CHECKING:
    from streamseg.evaluation.k_selection import KAdvice

_BAR: Final = 30


@click.command("advise-k")
@click.argument("segmentation", default="behaviour")
@click.option("--at-most", default=12, show_default=True, type=click.IntRange(4, 64), help="The largest k to try.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def command(invocation: Invocation, segmentation: str, at_most: int, as_json: bool) -> None:
    """Fit k-means on live customers for each k, and print Davies-Bouldin and the elbow. Changes nothing.

    Davies-Bouldin: lower is better. The elbow: where inertia stops falling quickly.
    """
    try:
        from streamseg.evaluation.k_selection import advise
    except ModuleNotFoundError as error:
        if error.name != "sklearn":
            raise
        raise SettingsError("this needs the extra: pip install 'streamseg[analysis]'") from None
    from streamseg import wiring
    from streamseg.features.catalogue import catalogue
    from streamseg.wiring.segments_service import live_vectors

    settings = invocation.settings
    _, customers, vectors = asyncio.run(live_vectors(settings, segmentation))
    if len(customers) < 2 * at_most:
        raise SettingsError(f"{len(customers)} customers are too few to try up to {at_most} segments on")
    known = catalogue(wiring.layout_of(settings))
    features = [known[name] for name in wiring.features_of(settings, segmentation)]
    advice = advise(vectors, features, at_most)
    k = settings.segmentations[segmentation].k
    if as_json:
        click.echo(json.dumps({"segmentation": segmentation, "k": k} | asdict(advice)))
    else:
        _show(segmentation, k, advice)


def _show(segmentation: str, k: int, advice: "KAdvice") -> None:
    from rich.bar import Bar
    from rich.console import Console
    from rich.table import Table

    table = Table("k", "Davies-Bouldin", "", "inertia", "", title=f"{segmentation}: {advice.customers:,} customers")
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
    console = Console()
    console.print(table)
    console.print(
        f"Davies-Bouldin speaks for {advice.by_davies_bouldin}, the elbow for {advice.by_elbow}; the setting is {k}."
        f" To try another k, declare it beside this one with `shadow = true`."
    )
