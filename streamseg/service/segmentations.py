"""Promote a shadow segmentation, drop one, and compare two on the live customers."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.description.comparison import Comparison, SegmentPairs, compare
from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.clustering.snapshot import Snapshot
from streamseg.errors import NotFoundError, SettingsError, StreamsegError
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.ports import ModelStore, StateStore
from streamseg.service.audience_rows import NO_REST, Rest, pieces_and_clocks
from streamseg.service.audit_trail import Change, Trail

PROMOTION_DELAY_SECONDS: Final = 5
"""Longer than a worker takes to see a promotion, so that all workers publish from the same moment."""


def check_declared(declared: Collection[str], segmentation: str) -> None:
    """Raise `NotFoundError` unless the settings declare the segmentation."""
    if segmentation not in declared:
        raise NotFoundError(f"there is no segmentation {segmentation}; there are {', '.join(declared)}")


async def promote(
    models: ModelStore,
    shadow: Mapping[str, bool],
    segmentation: str,
    now: float,
    *,
    trail: Trail | None = None,
    learned: Collection[str] | None = None,
) -> int:
    """Make a shadow segmentation public and return from when (epoch seconds). A repeated call changes nothing.

    Args:
        models: where the promotion is stored.
        shadow: the declared segmentations, and whether each is a shadow.
        segmentation: the one to promote.
        now: wall time, epoch seconds.
        trail: where the change is written down before it is made.
        learned: the segmentations with a model; None for all.

    Raises:
        NotFoundError: the segmentation is not declared.
        StreamsegError: it is not in shadow, has no segments yet, or was dropped.
    """
    check_declared(shadow, segmentation)
    if segmentation in await models.dropped():
        raise StreamsegError(f"segmentation {segmentation} was dropped for good: declare it under another name")
    if not shadow[segmentation]:
        raise StreamsegError(f"segmentation {segmentation} is not in shadow: it is public already")
    snapshot = await models.snapshot(segmentation)
    has_model = snapshot is not None and Snapshot.from_json(snapshot).warm
    if not has_model and (learned is None or segmentation in learned):
        raise StreamsegError(f"segmentation {segmentation} has no segments yet")
    if trail is not None:
        await trail.note(Change("promote", segmentation, "shadow", "public"))
    await models.promote(segmentation, int(now) + PROMOTION_DELAY_SECONDS)
    return (await models.promoted())[segmentation]


async def drop(
    models: ModelStore, declared: Collection[str], segmentation: str, now: float, trail: Trail | None = None
) -> None:
    """Drop a segmentation for good: workers stop learning it and unassign all its customers.

    Args:
        models: where the end is stored.
        declared: names of the declared segmentations.
        segmentation: the one to drop.
        now: wall time, epoch seconds.
        trail: where the change is written down before it is made.

    Raises:
        NotFoundError: the segmentation is not declared.
        SettingsError: it is the only one.
    """
    check_declared(declared, segmentation)
    if len(declared) == 1:
        raise SettingsError(f"{segmentation} is the only segmentation: declare another one first")
    if trail is not None:
        await trail.note(Change("drop", segmentation, "declared", None))
    await models.drop(segmentation, int(now))


def segmentations_to_compare(
    shadow: Mapping[str, bool], promoted: Collection[str], dropped: Collection[str], old: str | None, new: str | None
) -> tuple[str, str]:
    """Choose the segmentation to replace and its replacement where they are not given.

    The replacement is the first shadow one, else the last other one; the one to replace is the first public one.

    Args:
        shadow: the declared segmentations in their order, and whether each is declared a shadow.
        promoted: segmentations that were promoted: they are public.
        dropped: segmentations that were dropped: they are not chosen.
        old: the one to replace, if given.
        new: its replacement, if given.

    Raises:
        NotFoundError: a given one is not declared.
        SettingsError: both are the same, or there are not two to compare.

    >>> segmentations_to_compare({"behaviour": False, "worth": True}, (), (), None, None)
    ('behaviour', 'worth')
    >>> segmentations_to_compare({"value": False, "age": False}, (), (), "age", None)
    ('age', 'value')
    """
    for name in (old, new):
        if name is not None:
            check_declared(shadow, name)
    present = [name for name in shadow if name not in dropped]
    public = [name for name in present if not shadow[name] or name in promoted]
    hidden = [name for name in present if name not in public]
    if new is None:
        new = next((name for name in (*hidden, *reversed(public)) if name != old), None)
    if old is None:
        old = next((name for name in (*public, *hidden) if name != new), None)
    if old is None or new is None:
        raise SettingsError(f"there is only the segmentation {old or new}: declare another one to compare it with")
    if old == new:
        raise SettingsError(f"{old} would be compared with itself: name two segmentations")
    return old, new


async def compare_segmentations(
    state: StateStore, layout: Layout, old: str, new: str, *, rest: Rest = NO_REST
) -> Comparison:
    """Count the customers who would change segment if `new` replaced `old`. Reads every stored row, a piece at a time.

    Args:
        state: the stored rows.
        layout: the layout of the settings, which names the declared segmentations.
        old: the segmentation to replace.
        new: its replacement.
        rest: how to give way to others.

    Raises:
        NotFoundError: one of the two is not declared.
    """
    for name in (old, new):
        check_declared(layout.segmentations, name)
    pairs = SegmentPairs()
    async for rows, _ in pieces_and_clocks(state, layout, event_clock=True, rest=rest):
        slots = np.arange(len(rows), dtype=np.intp)
        pairs.add(rows.customer_ids, _segments(rows, slots, old), _segments(rows, slots, new))
    return compare(pairs)


def _segments(rows: Rows, slots: NDArray[np.intp], segmentation: str) -> Sequence[str | None]:
    codes = rows.segment[slots, rows.layout.segmentations.index(segmentation)]
    return [None if code == UNASSIGNED else id_of(segmentation, code) for code in codes.tolist()]
