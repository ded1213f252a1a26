"""What pulls a customer to a segment, from the stored row and snapshots. Loads numpy and scipy: imported when asked."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from streamseg.clustering.assign import Assigner
from streamseg.clustering.description.rfm import rfm
from streamseg.clustering.description.why import why
from streamseg.clustering.snapshot import Snapshot
from streamseg.features.layout import Layout
from streamseg.features.rows import Floats, Rows
from streamseg.features.vector import vectors
from streamseg.membership.encoding import decode


def explanation(layout: Layout, membership: bytes, row: bytes, snapshots: Mapping[str, bytes]) -> dict[str, Any]:
    """The reasons per segmentation in which the customer has a segment that its current snapshot still knows.

    Confidence, `since`, `as_of` and `model` are those of the standing decision; the pulls, against the nearest other
    segment, and the RFM scores are by the current snapshot, whose `version` is beside them.

    Args:
        layout: of the row.
        membership: the standing membership string; its `as_of` is the moment that is explained.
        row: the stored row.
        snapshots: by segmentation.
    """
    standing = decode(membership)
    rows = Rows(layout, 1)
    slots = rows.load([standing.customer_id], [row])
    told: dict[str, Any] = {}
    for segmentation, one in standing.segments.items():
        if one is None or segmentation not in snapshots:
            continue
        snapshot = Snapshot.from_json(snapshots[segmentation])
        if one.id not in snapshot.segments or len(snapshot.segments) < 2:  # noqa: PLR2004 - nothing to compare with
            continue
        vector = vectors(rows, slots, np.float64(standing.as_of), snapshot.features)
        assigner = Assigner(snapshot)
        runner_up = _runner_up(assigner, vector, one.id)
        scored = rfm(snapshot.features, snapshot.quintiles, vector[0])
        told[segmentation] = {
            "segment": one.id,
            "since": one.since,
            "as_of": standing.as_of,
            "confidence": one.score,
            "model": standing.model.get(segmentation),
            "runner_up": runner_up,
            "version": snapshot.version,
            "pulls": [asdict(pull) for pull in why(assigner, vector[0], one.id, runner_up)],
            "rfm": None if scored is None else asdict(scored),
        }
    return told


def _runner_up(assigner: Assigner, vector: Floats, segment: str) -> str:
    """The nearest other segment."""
    order = np.argsort(assigner.assign(vector).distances[0], kind="stable")
    nearest: list[str] = [assigner.snapshot.segments[i] for i in order.tolist()]
    return nearest[1] if nearest[0] == segment else nearest[0]
