"""Compute which features pull a customer to their segment, from the stored row and the snapshots.

Loads numpy and scipy: import it only when an explanation is asked for.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from streamseg.clustering.assign import Assigner
from streamseg.clustering.description.rfm import Rfm, RfmBorders, rfm
from streamseg.clustering.description.why import why
from streamseg.clustering.identity import OUTSIDE, code_of
from streamseg.clustering.population import Population
from streamseg.clustering.snapshot import Snapshot
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Layout
from streamseg.features.rows import Floats, Rows
from streamseg.features.vector import observed, own_shares, vectors
from streamseg.language import DEFAULT
from streamseg.membership.encoding import decode
from streamseg.pipeline import LiveAudiences, figures
from streamseg.service.audience_reasons import segment_reasons

LEAST_OWN: Final = 0.1
"""Share of a value that must be the customer's own; else what is assumed of everybody decides."""


def explanation(
    layout: Layout,
    membership: bytes,
    row: bytes,
    snapshots: Mapping[str, bytes],
    *,
    borders: bytes | None = None,
    populations: Mapping[str, Population] | None = None,
    live: LiveAudiences | None = None,
    language: str = DEFAULT,
) -> dict[str, Any]:
    """Return the explanation by segmentation.

    Left out are segmentations where the customer is unassigned. Where there is nothing to compare with there are no
    pulls, and `not_compared` says why: the segment is `closing` (until `closes`, event time), it has `ended` in the
    current snapshot, or it is `alone`. `separation`, `since`, `as_of` and `model` describe the published decision;
    `confidence` is the old name of `separation`. Pulls (against the nearest other segment) are of the current
    snapshot, whose `version` is included. A pull compares its `value`, and people are told what was `observed`, None
    without data. `known` is false where the value is mostly assumed: there are no data, or only of long ago.
    RFM scores are the customer's, the same in every segmentation. In a declared group there are no pulls: `declared`
    has its rule, and the customer's value of the figure that it compares, None if it is not known. In a segment of a
    declared segmentation it has the `rules` down to the one that holds, see `segment_reasons`.

    Args:
        layout: layout of the row.
        membership: the published membership string; its `as_of` is the moment that is explained.
        row: the stored row.
        snapshots: current snapshots by segmentation.
        borders: the stored borders of the shop's RFM scores; without them there are no scores.
        populations: who belongs, by segmentation, where that is not everybody.
        live: the rules of declared segmentations; None without any.
        language: of what rules ask.
    """
    published = decode(membership)
    rows = Rows(layout, 1)
    slots = rows.load([published.customer_id], [row])
    seen = dict(zip(catalogue(layout), observed(rows, slots, published.as_of)[0].tolist(), strict=True))
    scored = _rfm(seen, RfmBorders.from_json(borders))
    by_rules = {} if live is None else segment_reasons(rows, slots, published.as_of, live, language)
    explained: dict[str, Any] = {}
    for segmentation, one in published.segments.items():
        if one is None:
            continue
        told = {
            "segment": one.id,
            "since": one.since,
            "as_of": published.as_of,
            "separation": one.score,
            "confidence": one.score,
            "model": published.model.get(segmentation),
            "rfm": None if scored is None else asdict(scored),
        }
        if code_of(one.id) == OUTSIDE:
            population = (populations or {}).get(segmentation)
            if population is not None:
                value = float(figures(rows, slots, population, published.as_of)[0])
                explained[segmentation] = told | {"runner_up": None, "version": None, "pulls": []}
                explained[segmentation]["declared"] = {
                    "by": "population",
                    "rule": str(population),
                    "figure": population.figure,
                    "value": None if math.isnan(value) else value,
                }
            continue
        if segmentation in by_rules:
            rules = by_rules[segmentation]
            places = [rule["segment"] for rule in rules]
            end = places.index(one.id) + 1 if one.id in places else len(rules)
            declared = {"by": "rules", "rules": rules[:end]}
            explained[segmentation] = told | {"runner_up": None, "version": None, "pulls": [], "declared": declared}
            continue
        if segmentation not in snapshots:
            continue
        snapshot = Snapshot.from_json(snapshots[segmentation])
        if reason := _not_compared(snapshot, one.id):
            explained[segmentation] = told | {"runner_up": None, "version": snapshot.version, "pulls": []} | reason
            continue
        vector = vectors(rows, slots, np.float64(published.as_of), snapshot.features)
        own = own_shares(rows, slots, np.float64(published.as_of), snapshot.features)[0]
        is_own = dict(zip(snapshot.features, own >= LEAST_OWN, strict=True))
        assigner = Assigner(snapshot)
        runner_up = _runner_up(assigner, vector, one.id)
        explained[segmentation] = told | {
            "runner_up": runner_up,
            "version": snapshot.version,
            "pulls": [
                asdict(pull) | _observed(seen[pull.feature], is_own=bool(is_own[pull.feature]))
                for pull in why(assigner, vector[0], one.id, runner_up)
            ],
        }
    return explained


def _observed(value: float, *, is_own: bool) -> dict[str, Any]:
    missing = math.isnan(value)
    return {"known": is_own and not missing, "observed": None if missing else value}


def _not_compared(snapshot: Snapshot, segment: str) -> dict[str, Any]:
    """Return why a segment is compared with no other; nothing if it is."""
    if snapshot.handover is not None and segment in snapshot.closing:
        return {"not_compared": "closing", "closes": int(snapshot.handover.ends)}
    if segment not in snapshot.segments:
        return {"not_compared": "ended"}
    return {} if len(snapshot.segments) > 1 else {"not_compared": "alone"}


def _rfm(seen: Mapping[str, float], borders: RfmBorders | None) -> Rfm | None:
    if borders is None:
        return None
    return rfm(borders, seen["purchase_recency"], seen["transactions"], seen["lifetime_spend"])


def _runner_up(assigner: Assigner, vector: Floats, segment: str) -> str:
    """Return the nearest segment other than `segment`."""
    order = np.argsort(assigner.assign(vector).distances[0], kind="stable")
    nearest: list[str] = [assigner.snapshot.segments[i] for i in order.tolist()]
    return nearest[1] if nearest[0] == segment else nearest[0]
