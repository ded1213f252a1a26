"""`streamseg bench clustering`: quality of the online segments, compared with offline k-means and other methods."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option
from streamseg.commands._progress import progress_bar
from streamseg.commands.bench._judged_streams import StreamChoice, stream_options
from streamseg.errors import SettingsError, StreamsegError

if TYPE_CHECKING:
    from rich.progress import TaskID

    from streamseg.evaluation.results import StreamResult
    from streamseg.settings import Settings


@click.command("clustering")
@stream_options
@click.option(
    "--features",
    "segmentation",
    default="behaviour",
    show_default=True,
    metavar="SEGMENTATION",
    help="Segmentation to judge, of the settings or a pack.",
)
@click.option(
    "--only",
    "methods",
    multiple=True,
    metavar="METHOD",
    help="Method to run beside streamseg and offline; repeatable.  [default: all but River's slow ones, and none that"
    " takes a part of streamseg away]",
)
@json_option
@click.pass_obj
def command(
    invocation: Invocation, *, streams: StreamChoice, segmentation: str, methods: tuple[str, ...], as_json: bool
) -> None:
    """Judge the segments that a worker finds in a stream of events, compared with offline k-means and other methods.

    Segments are compared with the true groups, if known, and with offline k-means on the same vectors. Without --events
    the streams are simulated: customers of FitGear or of the shops of --shop, who change at half time.
    """
    from streamseg.commands.bench._clustering_tables import show
    from streamseg.evaluation.stream_evaluation import ALL_METHODS, METHODS, SLOW_METHODS, evaluate_stream

    if unknown := sorted({*methods} - {*ALL_METHODS}):
        there = ", ".join(ALL_METHODS)
        raise click.BadParameter(f"there is no method {unknown[0]}; there are {there}", param_hint="--only")
    methods = methods or (METHODS + SLOW_METHODS if streams.quick else METHODS)
    runs = streams.of(_one_segmentation(invocation.settings, segmentation))
    results = []
    with progress_bar() as bar:
        everything = bar.add_task("all streams", total=len(runs))
        for number, (seed, stream, settings) in enumerate(runs):
            ((_, one),) = settings.segmentations.items()
            task = bar.add_task(f"{stream.name}, k = {one.k}", total=1.0)

            def shown(share: float, number: int = number, task: "TaskID" = task) -> None:
                bar.update(task, completed=share)
                bar.update(everything, completed=number + share)

            results.append(evaluate_stream(stream, settings, seed, shown, methods))
            bar.remove_task(task)
            _warn_of_rejections(results[-1])
    if as_json:
        click.echo(json.dumps({"streams": [asdict(result) for result in results]}))
    else:
        show(results)


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
    derive(alone).features_of(name)  # of a declared one there are none
    return alone


def _warn_of_rejections(result: "StreamResult") -> None:
    """Report rejected records on stderr. Raises `StreamsegError` when all were rejected."""
    if not result.rejected:
        return
    line = f"{result.name}: {result.rejected:,} records were rejected; the first: {result.first_rejection}"
    if not result.customers:
        raise StreamsegError(line)
    click.echo(line, err=True)
