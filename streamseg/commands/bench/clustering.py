"""`streamseg bench clustering`: how good the segments are, with the ceiling beside them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streamseg.commands import Invocation
from streamseg.commands.bench._event_files import progress_bar, recorded_stream
from streamseg.errors import SettingsError, StreamsegError

if TYPE_CHECKING:
    from streamseg.evaluation.event_stream import EventStream
    from streamseg.evaluation.results import StreamResult
    from streamseg.evaluation.segment_births import Births
    from streamseg.settings import Settings

_COLUMNS: Final = (
    "method", "ARI before", "ARI after", "inertia ratio", "ARI to offline", "renamed, worst day", "moves per event",
)  # fmt: skip


@click.command("clustering")
@click.option("--events", "files", multiple=True, type=click.Path(path_type=Path), help="Events instead of FitGear's.")
@click.option(
    "--mapping",
    "mappings",
    multiple=True,
    type=click.Path(path_type=Path),
    help="For foreign columns, as in `streamseg replay`; one for all files, or one for each in their order.",
)
@click.option("--truth", type=click.Path(path_type=Path), help="CSV: customer_id, label and, for those who move, from.")
@click.option("--features", "segmentation", default="behaviour", show_default=True, help="Which segmentation to judge.")
@click.option("--k", type=click.IntRange(2, 64), help="Clusters; default: as the settings have it.")
@click.option(
    "--seeds", default="0,1,2,3,4", show_default=True, help="FitGear's, by commas; of a file the first is taken."
)
@click.option("--customers", default=1000, show_default=True, help="FitGear's.")
@click.option("--days", default=120, show_default=True, help="FitGear's; behaviour changes at half time.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def command(
    invocation: Invocation,
    *,
    files: tuple[Path, ...],
    mappings: tuple[Path, ...],
    truth: Path | None,
    segmentation: str,
    k: int | None,
    seeds: str,
    customers: int,
    days: int,
    as_json: bool,
) -> None:
    """Judge the segments that the worker's path finds in a stream, beside offline k-means and what else one might use.

    Against the truth where there is one, and always against offline k-means on the same vectors. Without --events the
    streams are FitGear's, whose customers change at half time.
    """
    try:
        from streamseg.evaluation.stream_evaluation import evaluate_stream
    except ModuleNotFoundError as error:
        if error.name != "sklearn":
            raise
        raise SettingsError("this needs the extra: pip install 'streamseg[analysis]'") from None
    from streamseg.evaluation.event_stream import fitgear

    settings = _one_segmentation(invocation.settings, segmentation, k)
    numbers = _numbers(seeds)
    streams: list[tuple[int, EventStream]]
    if files:
        stream, settings = recorded_stream(files, mappings, truth, settings)
        streams = [(numbers[0], stream)]
    else:
        ends_at = 1_700_000_000.0  # a fixed past: the same seeds give the same streams for ever
        streams = [(seed, fitgear(seed, customers, days, ends_at)) for seed in numbers]
    verdicts = []
    for seed, stream in streams:
        with progress_bar() as bar:
            task = bar.add_task(f"judging {stream.name}", total=1.0)
            verdicts.append(evaluate_stream(stream, settings, seed, lambda share: bar.update(task, completed=share)))  # noqa: B023 - called within
        _warn_of_rejections(verdicts[-1])
    if as_json:
        click.echo(json.dumps({"streams": [asdict(verdict) for verdict in verdicts]}))
    else:
        _show(verdicts)


def _one_segmentation(settings: "Settings", name: str, k: int | None) -> "Settings":
    """With nothing but this segmentation: of the settings, or else the shipped pack of that name."""
    from streamseg import packs
    from streamseg.settings import SegmentationSettings
    from streamseg.wiring import check_settings

    one = settings.segmentations.get(name)
    if one is None:
        if name not in packs.names():
            there = sorted({*settings.segmentations, *packs.names()})
            raise SettingsError(f"there is no segmentation {name}; there are {', '.join(there)}")
        one = SegmentationSettings(pack=name)
    chosen = one if k is None else one.model_copy(update={"k": k})
    alone = settings.model_copy(update={"segmentations": {name: chosen}})
    check_settings(alone)
    return alone


def _numbers(seeds: str) -> list[int]:
    try:
        return [int(seed) for seed in seeds.split(",")]
    except ValueError:
        raise click.BadParameter(f"{seeds} are no whole numbers with commas between", param_hint="--seeds") from None


def _warn_of_rejections(verdict: "StreamResult") -> None:
    """Raises `StreamsegError` when there is nothing but rejected records."""
    if not verdict.rejected:
        return
    said = f"{verdict.name}: {verdict.rejected:,} records were rejected; the first: {verdict.first_rejection}"
    if not verdict.customers:
        raise StreamsegError(said)
    click.echo(said, err=True)


def _show(verdicts: "list[StreamResult]") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for verdict in verdicts:
        table = Table(*_COLUMNS, title=f"{verdict.name}: {verdict.customers:,} customers, {verdict.events:,} events")
        for row in verdict.rows:
            table.add_row(
                row.method,
                *(_number(value) for value in (row.ari_before, row.ari_after, row.inertia_ratio, row.ari_to_offline)),
                *("" if share is None else f"{share:.2%}" for share in (row.renamed_worst_day, row.flap_per_event)),
            )
        console.print(table)
        console.print(
            f"renamed per day {verdict.renamed_mean_day:.2%} on average; unassigned {verdict.unassigned_share:.1%};"
            f" moved in silence per day {verdict.silent_moves_per_customer_day or 0.0:.2%};"
            f" rejected records {verdict.rejected}"
        )
        if verdict.births is not None:
            console.print(_births(verdict.births))


def _births(births: "Births") -> str:
    newborn = births.newborn_after_days
    told = ", ".join(f"day {one.day:+.0f} {one.group or 'of no group'} ({one.share:.0%})" for one in births.born)
    return (
        f"births where there is room (k = {births.k}): in the 30 days before the change {births.before}, of them false"
        f" {births.false_before}; in the 30 days after it {births.after}; the new group"
        f" {'was never born' if newborn is None else f'after {newborn:.0f} days'}; all: {told or 'none'}"
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
