"""The streams that `streamseg bench clustering` judges, and the numbers of clusters for each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from streamseg.commands._options import mapping_option
from streamseg.commands.bench._event_files import recorded_stream
from streamseg.commands.bench._options import Numbers

if TYPE_CHECKING:
    from streamseg.evaluation.event_stream import EventStream
    from streamseg.settings import Settings

ENDS_AT: Final = 1_700_000_000.0
"""Fixed, so that a seed always gives the same stream."""
SHOPS: Final = ("fitgear", "grocery", "fashion", "random")
FEWEST_CLUSTERS: Final = 2
MOST_CLUSTERS: Final = 64
AROUND: Final = (-1, 0, 1, 2)
"""Numbers of clusters relative to that of the true groups, which a shop does not know."""
QUICK: Final[dict[str, Any]] = {
    "shops": SHOPS, "seeds": (0,), "customers": (100,), "days": 64, "around": (0,),
}  # fmt: skip
"""Choices of `--quick` where nothing else was asked for."""


@dataclass(frozen=True, slots=True)
class StreamChoice:
    """The streams that were asked for."""

    files: tuple[Path, ...]
    mappings: tuple[Path, ...]
    truth: Path | None
    clusters: tuple[int, ...]
    """Empty for the default."""
    seeds: tuple[int, ...]
    shops: tuple[str, ...]
    changes: tuple[str, ...]
    customers: tuple[int, ...]
    days: int
    quick: bool
    around: tuple[int, ...] = AROUND

    def of(self, settings: "Settings") -> "list[tuple[int, EventStream, Settings]]":
        """Return seed, stream and settings (with one segmentation) of each run.

        Simulated streams run with `AROUND` the number of their true groups unless `--k` is given, files with the k of
        the settings.
        """
        if self.files:
            stream, settings = recorded_stream(self.files, self.mappings, self.truth, settings)
            return [(self.seeds[0], stream, one) for one in _with_each_k(settings, self.clusters)]
        return [
            (seed, stream, one)
            for seed, stream in self._simulated()
            for one in _with_each_k(settings, self.clusters or self._around_the_truth(stream))
        ]

    def _around_the_truth(self, stream: "EventStream") -> tuple[int, ...]:
        groups = len({*(stream.labels(stream.ends_at) or {}).values()})
        return tuple(min(max(groups + more, FEWEST_CLUSTERS), MOST_CLUSTERS) for more in self.around)

    def _simulated(self) -> "Iterator[tuple[int, EventStream]]":
        from streamseg.evaluation.event_stream import fitgear
        from streamseg.evaluation.shops import simulated

        for shop in self.shops:
            for change in ("sudden",) if shop == "fitgear" else self.changes:
                for customers in self.customers:
                    for seed in self.seeds:
                        if shop == "fitgear":
                            yield seed, fitgear(seed, customers, self.days, ENDS_AT)
                        else:
                            size = {"customers": customers, "days": self.days}
                            yield seed, simulated(shop, change, seed, **size, ends_at=ENDS_AT)


def _with_each_k(settings: "Settings", clusters: tuple[int, ...]) -> "list[Settings]":
    """Return the settings with each number of clusters in turn; as they are without any."""
    ((name, one),) = settings.segmentations.items()
    return [
        settings.model_copy(update={"segmentations": {name: one.model_copy(update={"k": k})}}) for k in clusters
    ] or [settings]


def stream_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `StreamChoice`, which the command takes as `streams`."""

    @wraps(command)
    @click.pass_context
    def chosen(ctx: click.Context, /, *args: Any, **options: Any) -> Any:
        mine = {name: options.pop(name) for name in StreamChoice.__slots__ if name in options}
        if mine["quick"]:
            given = {name for name in QUICK if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
            mine |= {name: value for name, value in QUICK.items() if name not in given}
        return command(*args, streams=StreamChoice(**mine), **options)

    for option in reversed(_OPTIONS):
        chosen = option(chosen)
    return chosen


_OPTIONS: Final[tuple[Callable[..., Any], ...]] = (
    click.option(
        "--events",
        "files",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Event file, as for `streamseg replay`; repeatable.  [default: simulated events]",
    ),
    mapping_option,
    click.option(
        "--truth",
        type=click.Path(path_type=Path),
        metavar="CSV",
        help="File with the true groups: customer_id, label and, for customers who change group, from.",
    ),
    click.option(
        "--k",
        "clusters",
        type=Numbers(FEWEST_CLUSTERS, MOST_CLUSTERS),
        default=(),
        metavar="NUMBERS",
        help="Numbers of clusters, separated by commas; one run each.  [default: k-1, k, k+1 and k+2 for k true groups"
        " of a simulated shop; for files as in the settings]",
    ),
    click.option(
        "--seeds",
        type=Numbers(0),
        default="0,1,2,3,4",
        show_default=True,
        metavar="NUMBERS",
        help="Seeds, separated by commas; one simulated stream per seed. Files use the first.",
    ),
    click.option(
        "--shop",
        "shops",
        multiple=True,
        default=("fitgear",),
        show_default=True,
        type=click.Choice(SHOPS),
        help="Simulated shop; repeatable. Parameters were tuned on fitgear only.",
    ),
    click.option(
        "--change",
        "changes",
        multiple=True,
        default=("sudden",),
        show_default=True,
        type=click.Choice(("sudden", "drift", "new", "sale")),
        help="What happens at half time in the shops other than fitgear; repeatable.",
    ),
    click.option(
        "--customers",
        type=Numbers(1),
        default="1000",
        show_default=True,
        metavar="NUMBERS",
        help="Customers of the simulated shops, separated by commas; one stream each.",
    ),
    click.option(
        "--days",
        default=120,
        show_default=True,
        help="Days of the simulated history; behaviour changes at half time.",
    ),
    click.option(
        "--quick",
        is_flag=True,
        help="Run all methods on all shops at small size, in less than ten minutes on two cores. --shop, --seeds,"
        " --customers, --days, --k and --only still count.",
    ),
)
