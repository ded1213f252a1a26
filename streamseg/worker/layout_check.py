"""Which layout a worker writes rows in, which others it reads, and of which it may take the place.

A segmentation may be added while workers run: rows of before are laid anew as they are read, and a worker that has not
heard of it is refused from the first claim on. One is only given up by word (`streamseg segments drop`), because a
worker whose settings merely lack it may as well be the older one. Those that know it let everybody leave it first.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from streamseg.clustering.identity import segmentation_of
from streamseg.errors import LayoutMismatchError
from streamseg.features.layout import Layout
from streamseg.features.relayout import encoded_settings, setting_differences, with_readable
from streamseg.ports import ModelStore, StateStore

SEGMENTATIONS = "segmentations"


@dataclass(frozen=True, slots=True)
class RowLayouts:
    """A layout that reads all rows there are, and the fingerprints of those that it may follow."""

    layout: Layout
    follows: frozenset[str]


async def check_layouts(layout: Layout, state: StateStore, models: ModelStore, partitions: int) -> RowLayouts:
    """Compare the settings' layout with the stored rows, and let others know of it.

    Raises `LayoutMismatchError` with what differs, when the log is needed or a segmentation is in the way.
    """
    dropped, known = set(await models.dropped()), await state.layouts()
    layout = with_readable(layout, known)
    may_go = {*layout.segmentations, *dropped}
    follows = frozenset(one.fingerprint for one in layout.readable.values() if set(one.segmentations) <= may_go)
    for partition in range(partitions):
        head = await state.metadata(partition)
        if head is None or head.layout not in known:
            continue
        if head.layout not in (layout.fingerprint, *follows):
            raise LayoutMismatchError(_refusal(layout, known[head.layout], dropped))
        for name in sorted(dropped - {*layout.segmentations}):
            if left := sum(size for segment, size in head.sizes.items() if segmentation_of(segment) == name):
                raise LayoutMismatchError(
                    f"{left} customers of partition {partition} have yet to leave {name}: "
                    f"let workers run that have it in their settings until it is empty"
                )
    await state.remember_layout(layout.fingerprint, encoded_settings(layout))
    return RowLayouts(layout, follows)


def _refusal(layout: Layout, stored: bytes, dropped: Collection[str]) -> str:
    differences = setting_differences(layout, stored)
    there, _ = differences.pop(SEGMENTATIONS, ((), ()))
    if differences:
        told = "; ".join(f"{setting}: {_short(before, now)}" for setting, (before, now) in differences.items())
        return f"the rows were written with other settings ({told}): put them back or run `streamseg rebuild`"
    missing = [name for name in there if name not in layout.segmentations and name not in dropped]
    return (
        f"the rows also have {' and '.join(missing)}, which the settings lack: put it back, "
        f"or give it up for good with `streamseg segments drop {missing[0]}`"
    )


def _short(before: Any, now: Any) -> str:
    """How a setting differs; of lists and tables what came and went."""
    if isinstance(before, list | dict) and isinstance(now, list | dict):
        came, went = [one for one in now if one not in before], [one for one in before if one not in now]
        if came or went:
            return " ".join([*(f"+{one}" for one in came), *(f"-{one}" for one in went)])
    return f"{before} there, {now} here"
