"""Read the members of one segment, partition by partition, in bounded memory."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from streamseg.clustering.identity import code_of, segmentation_of
from streamseg.errors import NotFoundError
from streamseg.features.layout import Layout
from streamseg.features.relayout import with_readable
from streamseg.features.rows import Rows
from streamseg.ports import MembershipStore, ModelStore, StateStore
from streamseg.service.row_scans import ROWS_AT_ONCE, scan_rows, stored_partitions


@dataclass(frozen=True, slots=True)
class SegmentMember:
    """A customer in a segment: since when, epoch seconds, and the published score (0-1; None in shadow)."""

    customer_id: str
    since: int
    score: float | None


async def segment_members(
    state: StateStore,
    memberships: MembershipStore,
    models: ModelStore,
    layout: Layout,
    segment: str,
    *,
    at_once: int = ROWS_AT_ONCE,
) -> AsyncGenerator[SegmentMember, None]:
    """Yield the members of a segment, one piece of the stored rows after the other.

    A segment of a public segmentation is read from the published memberships; one in shadow from the rows, as nothing
    is published of it.

    Raises:
        NotFoundError: the catalogue has no such segment.
        LayoutMismatchError: the rows have a layout that cannot be read.
    """
    stored = (await models.catalogue()).get(segment)
    segmentation = segmentation_of(segment)
    if stored is None or segmentation not in layout.segmentations:
        raise NotFoundError(f"there is no segment {segment}: see `streamseg segments --retired`")
    shadow = bool(msgspec.json.decode(stored).get("shadow"))
    readable = with_readable(layout, await state.layouts())
    column, code = layout.segmentations.index(segmentation), code_of(segment)
    async for partition in stored_partitions(state):
        async for listed in scan_rows(state, partition, at_once):
            found = dict(_in_segment(readable, listed, column, code))
            if shadow:
                for customer, since in found.items():
                    yield SegmentMember(customer, since, None)
                continue
            for customer, published in zip(found, await memberships.read(list(found)) if found else (), strict=True):
                inside = None if published is None else msgspec.json.decode(published)["segments"].get(segmentation)
                if inside is not None and inside["id"] == segment:
                    yield SegmentMember(customer, int(inside["since"]), float(inside["score"]))


def _in_segment(layout: Layout, listed: Sequence[tuple[str, bytes]], column: int, code: int) -> list[tuple[str, int]]:
    """Return (customer id, since) of the rows whose settled segment in a segmentation has the code."""
    rows = Rows(layout, max(len(listed), 1))
    slots = rows.load([customer for customer, _ in listed], [row for _, row in listed])
    inside = slots[np.flatnonzero(rows.segment[slots, column] == code)]
    return [(rows.customer_ids[slot], int(rows.since[slot, column])) for slot in inside.tolist()]
