"""Rows that were written with other segmentations, laid anew: what was settled in those that stay goes with them.

Sums, traits, fences and ids do not depend on the segmentations. So a segmentation can come or go while the rows stay;
for whatever else a row is made of, only the log has what another layout asks for.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamseg.features.layout import FIELDS, Layout


def told(layout: Layout) -> dict[str, Any]:
    """What the rows of a layout are made of, by setting; plain values."""
    return {
        "segmentations": list(layout.segmentations),
        "features.half_life_days": layout.half_life_seconds / 86_400,
        "features.recent_half_life_days": layout.recent_half_life_seconds / 86_400,
        "features.categories": list(layout.categories),
        "features.brand_groups": layout.brand_groups,
        "features.attributes": {one.name: list(one.values) for one in layout.attributes},
        "features.time_zone": layout.time_zone,
        "features.remembered_event_ids": layout.remembered_event_ids,
        "money.currency": layout.currency,
        "money.minor_units": layout.minor_units,
    }


def written(layout: Layout) -> bytes:
    """What stands in the store beside the fingerprint of a layout."""
    return msgspec.json.encode(told(layout))


def reading(layout: Layout, known: Mapping[str, bytes]) -> Layout:
    """The same layout, able to read the rows of those of the known ones (`written`, by fingerprint) that it can."""
    earlier = []
    for fingerprint, stored in known.items():
        names = tuple(msgspec.json.decode(stored)["segmentations"])
        if fingerprint not in (layout.fingerprint, *layout.readable):
            other = replace(layout, segmentations=names, earlier=())
            earlier += [names] if other.fingerprint == fingerprint else []
    return replace(layout, earlier=(*layout.earlier, *earlier)) if earlier else layout


def differing(layout: Layout, stored: bytes) -> dict[str, tuple[Any, Any]]:
    """What was otherwise when rows were written, by setting: there (`written`) and here."""
    there, here = msgspec.json.decode(stored), told(layout)
    return {setting: (there[setting], value) for setting, value in here.items() if there.get(setting, value) != value}


def laid_anew(old: Layout, new: Layout, records: NDArray[np.void]) -> NDArray[np.void]:
    """Records of one layout as those of another that differs in segmentations only; new ones are unassigned."""
    made = np.repeat(new.fresh, len(records))
    kept = [name for name in new.segmentations if name in old.segmentations]
    to, at = [new.segmentations.index(name) for name in kept], [old.segmentations.index(name) for name in kept]
    for field in FIELDS:
        if field.of == "segmentation":
            made[field.name][:, to] = records[field.name][:, at]
        else:
            made[field.name] = records[field.name]
    return made
