"""Sizes of segments in one partition: updated with every flush, counted again with every sweep."""

import logging
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from streamseg import pipeline
from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows, Slots
from streamseg.membership.types import Consent
from streamseg.metrics import Metrics
from streamseg.pipeline import AudiencesLook
from streamseg.worker.model_cache import ModelCache
from streamseg.worker.partition.counts.recount import Recount
from streamseg.worker.partition.lease import Lease

log = logging.getLogger(__name__)

Codes = NDArray[np.uint32]
"""Segment codes, shape (rows, segmentations)."""


class SegmentSizes:
    """The sizes that the lease writes, and the count of the sweep that is under way."""

    def __init__(self, lease: Lease, models: ModelCache, layout: Layout, metrics: Metrics, *, unknown: Consent) -> None:
        self._lease = lease
        self._models = models
        self._layout = layout
        self._metrics = metrics
        self._unknown = unknown
        """Consent of who gave no answer."""
        self.recount: Recount | None = None
        """Counts sizes during a sweep."""

    def after(
        self, rows: Rows, slots: Slots, before: Codes, after: Codes, audiences: AudiencesLook | None = None
    ) -> dict[str, int]:
        """Return the sizes after rows moved, codes before and after; the recount learns of it too."""
        if self.recount is not None:
            moved = (before != after).any(axis=1)
            moved |= audiences.recounted if audiences is not None else False
            chosen = np.flatnonzero(moved)
            nothing: list[list[str]] = [[] for _ in chosen]
            were_in, are_in = (nothing, nothing) if audiences is None else pipeline.sizes_of(audiences, chosen)
            for at, left, joined in zip(chosen.tolist(), were_in, are_in, strict=True):
                were, are = self._ids(before[at]) + left, self._ids(after[at]) + joined
                self.recount.moved(rows.customer_ids[slots[at]], were, are)
        counted = pipeline.count_sizes(before, after, self._models.segmentations, self._lease.sizes)
        return pipeline.count_audiences(audiences, counted)

    def count(self, rows: Rows, customer_ids: Sequence[str], slots: Slots) -> None:
        """Count customers that the sweep has listed, each once, with their rows."""
        if self.recount is None:
            return
        new = slots[self.recount.listed(customer_ids)]
        codes = rows.segment[new]
        self.recount.sizes.update(pipeline.count_sizes(np.zeros_like(codes), codes, self._models.segmentations, {}))
        if self._models.audiences is not None:
            held = pipeline.sizes_held(rows, new, self._models.audiences, self._unknown)
            self.recount.sizes.update(chain.from_iterable(held))

    async def correct(self, rows: Rows) -> None:
        """Take the sizes from the recount at the end of a sweep. Raises `FlushRefusedError`."""
        recount, self.recount = self.recount, None
        if recount is None or recount.result() == self._lease.sizes:
            return
        log.warning("partition %d: the sizes of segments were wrong; a sweep has corrected them", self._lease.partition)
        self._metrics.sizes_corrected.inc()
        await self._lease.flush(rows, np.empty(0, dtype=np.intp), (), recount.result(), None)

    def _ids(self, codes: NDArray[np.uint32]) -> list[str]:
        """Return the segment ids of one row's codes, shape (segmentations,)."""
        named = zip(self._layout.segmentations, codes.tolist(), strict=True)
        return [id_of(name, code) for name, code in named if code != UNASSIGNED]
