"""Decides at the start which row layout a worker writes, which others it reads, and which it may replace.

A segmentation may be added while workers run: older rows are converted when they are read, and a worker that does not
know the new segmentation is refused at its next claim. A segmentation ends only by `streamseg segments drop`, because a
worker whose settings lack it may just as well be the older one. Workers that know it first let every customer exit.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from streamseg.clustering.identity import segmentation_of
from streamseg.errors import LayoutMismatchError
from streamseg.features.layout import Layout
from streamseg.features.relayout import encoded_settings, segmentations_of, setting_differences, with_readable
from streamseg.ports import ModelStore, StateStore

SEGMENTATIONS = "segmentations"


@dataclass(frozen=True, slots=True)
class RowLayouts:
    """The layout of this worker, able to read all stored rows, and the fingerprints of those it may replace."""

    layout: Layout
    replaces: frozenset[str]
    segmentations: frozenset[str]
    """Every segmentation that rows were ever written with: samples of their customers may exist."""


async def check_layouts(layout: Layout, state: StateStore, models: ModelStore, partitions: int) -> RowLayouts:
    """Compare the layout of the settings with the stored rows, and store it for other workers to read.

    Raises `LayoutMismatchError` with the differing settings when the rows must be rebuilt from the log or a
    segmentation is missing, and `StoreUnavailableError`.
    """
    dropped, known = set(await models.dropped()), await state.layouts()
    layout = with_readable(layout, known)
    may_go = {*layout.segmentations, *dropped}
    replaces = frozenset(one.fingerprint for one in layout.readable.values() if set(one.segmentations) <= may_go)
    for partition in range(partitions):
        metadata = await state.metadata(partition)
        if metadata is None or metadata.layout not in known:
            continue
        if metadata.layout not in (layout.fingerprint, *replaces):
            raise LayoutMismatchError(_refusal(layout, known[metadata.layout], dropped))
        for name in sorted(dropped - {*layout.segmentations}):
            left = sum(size for segment, size in metadata.sizes.items() if segmentation_of(segment) == name)
            if left:
                raise LayoutMismatchError(
                    f"{left} customers of partition {partition} are still in {name}: "
                    "run workers that have it in their settings until it is empty"
                )
    await state.remember_layout(layout.fingerprint, encoded_settings(layout))
    return RowLayouts(layout, replaces, segmentations_of(known) | {*layout.segmentations})


def _refusal(layout: Layout, stored: bytes, dropped: Collection[str]) -> str:
    differences = setting_differences(layout, stored)
    there, _ = differences.pop(SEGMENTATIONS, ((), ()))
    if differences:
        texts = "; ".join(f"{setting}: {_change(before, now)}" for setting, (before, now) in differences.items())
        return f"the rows were written with other settings ({texts}): restore them or run `streamseg rebuild`"
    missing = [name for name in there if name not in layout.segmentations and name not in dropped]
    if not missing:
        return "the rows were written by a newer version with the same settings: start the newer version"
    return (
        f"the rows also have {' and '.join(missing)}, which the settings lack: add it to the settings, "
        f"or end it with `streamseg segments drop {missing[0]}`"
    )


def _change(before: Any, now: Any) -> str:
    """Describe how a setting differs: added and removed items for lists and tables, both values otherwise."""
    if isinstance(before, list | dict) and isinstance(now, list | dict):
        added, removed = [one for one in now if one not in before], [one for one in before if one not in now]
        if added or removed:
            return " ".join([*(f"+{one}" for one in added), *(f"-{one}" for one in removed)])
    return f"{before} there, {now} here"
