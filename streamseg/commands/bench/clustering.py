"""`streamseg bench clustering`: quality of the online segments, compared with offline k-means and other methods."""

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option, mapping_option
from streamseg.commands._progress import progress_bar
from streamseg.commands.bench._event_files import recorded_stream
from streamseg.errors import SettingsError, StreamsegError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from streamseg.evaluation.event_stream import EventStream
    from streamseg.evaluation.results import StreamResult
    from streamseg.evaluation.segment_births import Births
    from streamseg.settings import Settings

_QUALITY: Final = (
    "method", "k", "ARI before", "ARI after", "inertia ratio", "ARI to offline", "next 30 days",
)  # fmt: skip
_UNREST: Final = (
    "method", "renamed, worst day", "moves per event", "silent moves per day", "lag, hours", "new group, hours",
    "recourse", "adopted", "CPU us",
)  # fmt: skip
FEWEST_CLUSTERS: Final = 2
MOST_CLUSTERS: Final = 64


@click.command("clustering")
@click.option(
    "--events",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Event file, as for `streamseg replay`; repeatable.  [default: simulated events]",
)
@mapping_option
@click.option(
    "--truth",
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="File with the true groups: customer_id, label and, for customers who change group, from.",
)
@click.option(
    "--features",
    "segmentation",
    default="behaviour",
    show_default=True,
    metavar="SEGMENTATION",
    help="Segmentation to judge, of the settings or a pack.",
)
@click.option(
    "--k",
    "clusters",
    default="",
    metavar="NUMBERS",
    help="Numbers of clusters, separated by commas; one run each.  [default: as in the settings]",
)
@click.option(
    "--only",
    "methods",
    multiple=True,
    metavar="METHOD",
    help="Method to run beside streamseg and offline; repeatable.  [default: all but River's slow ones]",
)
@click.option(
    "--seeds",
    default="0,1,2,3,4",
    show_default=True,
    help="Seeds, separated by commas; one simulated stream per seed. Files use the first.",
)
@click.option(
    "--shop",
    "shops",
    multiple=True,
    default=("fitgear",),
    show_default=True,
    type=click.Choice(("fitgear", "grocery", "fashion", "random")),
    help="Simulated shop; repeatable. Parameters were tuned on fitgear only.",
)
@click.option(
    "--change",
    "changes",
    multiple=True,
    default=("sudden",),
    show_default=True,
    type=click.Choice(("sudden", "drift", "new", "sale")),
    help="What happens at half time in the shops other than fitgear; repeatable.",
)
@click.option("--customers", default=1000, show_default=True, help="Customers of the simulated shop.")
@click.option(
    "--days", default=120, show_default=True, help="Days of the simulated history; behaviour changes at half time."
)
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    *,
    files: tuple[Path, ...],
    mappings: tuple[Path, ...],
    truth: Path | None,
    segmentation: str,
    clusters: str,
    methods: tuple[str, ...],
    seeds: str,
    shops: tuple[str, ...],
    changes: tuple[str, ...],
    customers: int,
    days: int,
    as_json: bool,
) -> None:
    """Judge the segments that a worker finds in a stream of events, compared with offline k-means and other methods.

    Segments are compared with the true groups, if known, and with offline k-means on the same vectors. Without --events
    the streams are simulated: customers of FitGear or of the shops of --shop, who change at half time.
    """
    from streamseg.evaluation.event_stream import fitgear
    from streamseg.evaluation.shops import simulated
    from streamseg.evaluation.stream_evaluation import METHODS, SLOW_METHODS, evaluate_stream

    if unknown := sorted({*methods} - {*METHODS, *SLOW_METHODS}):
        there = ", ".join((*METHODS, *SLOW_METHODS))
        raise click.BadParameter(f"there is no method {unknown[0]}; there are {there}", param_hint="--only")
    settings = _one_segmentation(invocation.settings, segmentation)
    numbers = _numbers(seeds, "--seeds")
    streams: list[tuple[int, EventStream]]
    if files:
        stream, settings = recorded_stream(files, mappings, truth, settings)
        streams = [(numbers[0], stream)]
    else:
        ends_at = 1_700_000_000.0  # fixed, so that a seed always gives the same stream
        streams = [(seed, fitgear(seed, customers, days, ends_at)) for seed in numbers if "fitgear" in shops]
        streams += [
            (seed, simulated(shop, change, seed, customers=customers, days=days, ends_at=ends_at))
            for shop in shops
            if shop != "fitgear"
            for change in changes
            for seed in numbers
        ]
    results = []
    for seed, stream in streams:
        for alone in _with_each_k(settings, _numbers(clusters, "--k") if clusters else []):
            with progress_bar() as bar:
                shown = partial(_show_share, bar, bar.add_task(f"evaluating {stream.name}", total=1.0))
                found = evaluate_stream(stream, alone, seed, shown, methods or METHODS)
            results.append(found)
            _warn_of_rejections(found)
    if as_json:
        click.echo(json.dumps({"streams": [asdict(result) for result in results]}))
    else:
        _show(results)


def _show_share(bar: "Progress", task: "TaskID", share: float) -> None:
    bar.update(task, completed=share)


def _one_segmentation(settings: "Settings", name: str) -> "Settings":
    """The settings with this segmentation only: from the settings, or else the shipped pack of that name."""
    from streamseg import packs
    from streamseg.settings import SegmentationSettings
    from streamseg.wiring.derived import derive

    one = settings.segmentations.get(name)
    if one is None:
        if name not in packs.names():
            there = sorted({*settings.segmentations, *packs.names()})
            raise SettingsError(f"there is no segmentation {name}; there are {', '.join(there)}")
        one = SegmentationSettings(pack=name)
    alone = settings.model_copy(update={"segmentations": {name: one}})
    derive(alone)
    return alone


def _with_each_k(settings: "Settings", clusters: list[int]) -> "list[Settings]":
    """The settings with each number of clusters in turn; as they are without any."""
    if wrong := [k for k in clusters if not FEWEST_CLUSTERS <= k <= MOST_CLUSTERS]:
        raise click.BadParameter(f"{wrong[0]} is not between {FEWEST_CLUSTERS} and {MOST_CLUSTERS}", param_hint="--k")
    ((name, one),) = settings.segmentations.items()
    return [
        settings.model_copy(update={"segmentations": {name: one.model_copy(update={"k": k})}}) for k in clusters
    ] or [settings]


def _numbers(text: str, option: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not a list of whole numbers, separated by commas", param_hint=option
        ) from None


def _warn_of_rejections(result: "StreamResult") -> None:
    """Report rejected records on stderr. Raises `StreamsegError` when all were rejected."""
    if not result.rejected:
        return
    line = f"{result.name}: {result.rejected:,} records were rejected; the first: {result.first_rejection}"
    if not result.customers:
        raise StreamsegError(line)
    click.echo(line, err=True)


def _show(results: "list[StreamResult]") -> None:
    from rich.console import Console

    from streamseg.commands._text import columns, folding_table

    console = Console(width=columns())
    for result in results:
        title = f"{result.name}: {result.customers:,} customers, {result.events:,} events"
        quality, unrest = folding_table(*_QUALITY, title=title), folding_table(*_UNREST)
        for row in result.rows:
            quality.add_row(
                f"{row.method} (degenerate: {row.largest_share:.0%} in one)" if row.degenerate else row.method,
                str(row.k),
                *(_number(value) for value in (row.ari_before, row.ari_after, row.inertia_ratio, row.ari_to_offline)),
                _share(row.next_30_days_explained),
            )
            unrest.add_row(
                row.method,
                *map(_share, (row.renamed_worst_day, row.flap_per_event, row.moves_without_event_per_day)),
                *map(_whole, (row.lag_hours, row.group_lag_hours)),
                _number(row.recourse),
                *map(_whole, (row.adopted, row.cpu_us_per_sample)),
            )
        console.print(quality)
        console.print(unrest)
        if result.degenerate:
            console.print("offline k-means is degenerate here: nearly all customers are in one cluster")
        console.print(
            f"renamed per day {result.renamed_mean_day:.2%} on average; unassigned {result.unassigned_share:.1%};"
            f" silent customers moved per day {result.silent_moves_per_customer_day or 0.0:.2%};"
            f" rejected records {result.rejected}"
        )
        if result.births is not None:
            console.print(_births(result.births))


def _births(births: "Births") -> str:
    newborn = births.newborn_after_days
    born = ", ".join(f"day {one.day:+.0f} {one.group or 'no group'} ({one.share:.0%})" for one in births.born)
    return (
        f"births with k = {births.k}: {births.before} in the 30 days before the change"
        f" ({births.false_before} false), {births.after} in the 30 days after it; new group"
        f" {'never found' if newborn is None else f'found after {newborn:.0f} days'}; all births: {born or 'none'}"
    )


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def _whole(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
