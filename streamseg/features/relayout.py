"""Converts rows between layouts that differ in `Shape` or in format only, and compares layouts by their settings.

Sums, attributes, last applied offsets and event ids do not depend on the segmentations, so a segmentation can be added
or dropped without touching them. What windows are about can change too, and which identifiers are kept: a row then says
from when its times are complete. A later format adds fields, which begin fresh, and may drop sums. Any other change of
layout needs events from the log (`streamseg rebuild`).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamseg.features.identifiers.identifier_conversion import convert_identifiers
from streamseg.features.layout import Layout, Shape
from streamseg.features.windows.conversion import convert_spent, convert_times
from streamseg.features.windows.tracked import Tracker
from streamseg.time_units import DAY_SECONDS

HELD_SINCE: Final = 2
"""First format that holds the settled state of before a tick."""


_WHERE_ABSENT: Final[dict[str, Any]] = {
    "audiences.identifiers": [],
    "audiences.most": 0,
    "audiences.spent_days": 0,
    "audiences.tracked": {},
    "features.category_groups": 0,
    "features.counted": [],
    "features.search_groups": {},
}
"""Values of settings that rows of earlier releases do not name."""
_CONVERTED_APART: Final = frozenset(
    {"tracked time", "tracker", "spent day", "days spent", "identifier", "identifier form"}
)
"""What fields have one element for that `convert_times`, `convert_spent` and `convert_identifiers` convert."""


def row_settings(layout: Layout) -> dict[str, Any]:
    """Return the settings that shape the rows of a layout, by name, as plain values."""
    return {
        "segmentations": list(layout.segmentations),
        "audiences.identifiers": list(layout.identifiers),
        "audiences.most": layout.audiences,
        "audiences.spent_days": layout.spent_days,
        "audiences.tracked": dict(layout.trackers),
        "features.half_life_days": layout.half_life_seconds / DAY_SECONDS,
        "features.recent_half_life_days": layout.recent_half_life_seconds / DAY_SECONDS,
        "features.categories": list(layout.categories),
        "features.brand_groups": layout.brand_groups,
        "features.category_groups": layout.category_groups,
        "features.counted": [one.kind for one in layout.counted if one.kind != "search"],
        "features.search_groups": {
            name: list(words)
            for one in layout.counted
            for name, words in zip(one.parts, one.words, strict=bool(one.words))
        },
        "features.attributes": {
            one.name: [f"text of {one.first} letters"] if one.found else list(one.values)
            for one in layout.attributes
            if not one.part
        },
        "features.time_zone": layout.time_zone,
        "features.remembered_event_ids": layout.remembered_event_ids,
        "money.currency": layout.currency,
        "money.minor_units": layout.minor_units,
    }


def encoded_settings(layout: Layout) -> bytes:
    """Return what the store keeps for the fingerprint of a layout: its row settings as JSON."""
    return msgspec.json.encode(row_settings(layout))


def with_readable(layout: Layout, known: Mapping[str, bytes]) -> Layout:
    """Return the layout, extended to read rows of the known layouts that differ in `Shape` and format only.

    `known` has `encoded_settings` by fingerprint.
    """
    earlier = []
    for fingerprint, stored in known.items():
        if fingerprint not in (layout.fingerprint, *layout.readable):
            shape = _shape(msgspec.json.decode(stored))
            other = replace(layout, **shape._asdict(), earlier=())
            earlier += [shape] if fingerprint in {other.fingerprint, *other.readable} else []
    return replace(layout, earlier=(*layout.earlier, *earlier)) if earlier else layout


def _shape(settings: Mapping[str, Any]) -> Shape:
    """Return the shape that `encoded_settings` tell."""
    told = {**_WHERE_ABSENT, **settings}
    trackers = tuple(Tracker(event, times) for event, times in told["audiences.tracked"].items())
    return Shape(
        tuple(told["segmentations"]),
        trackers,
        told["audiences.spent_days"],
        told["audiences.most"],
        tuple(told["audiences.identifiers"]),
    )


def segmentations_of(known: Mapping[str, bytes]) -> frozenset[str]:
    """Return the names of all segmentations that stored layouts have, from `encoded_settings` by fingerprint."""
    return frozenset(name for stored in known.values() for name in msgspec.json.decode(stored)["segmentations"])


def setting_differences(layout: Layout, stored: bytes) -> dict[str, tuple[Any, Any]]:
    """Return the row settings that differ: name to (value in `stored`, from `encoded_settings`; value in `layout`)."""
    there, here = msgspec.json.decode(stored), row_settings(layout)
    before = {setting: there.get(setting, _WHERE_ABSENT.get(setting, value)) for setting, value in here.items()}
    return {setting: (before[setting], value) for setting, value in here.items() if before[setting] != value}


def converted(old: Layout, new: Layout, records: NDArray[np.void]) -> NDArray[np.void]:
    """Convert records to a layout with another `Shape` or a later format, shape (n,).

    Customers are unassigned in added segmentations; fields that the old format lacks are fresh.
    """
    made = np.zeros(len(records), dtype=new.dtype)  # zeros: the padding must not hold old memory
    made[:] = new.fresh
    kept = [name for name in new.segmentations if name in old.segmentations]
    to, at = [new.segmentations.index(name) for name in kept], [old.segmentations.index(name) for name in kept]
    sums = [name for name in new.sum_index if name in old.sum_index]
    to_sum, at_sum = [new.sum_index[name] for name in sums], [old.sum_index[name] for name in sums]
    for field in old.fields:
        if field.of == "sum":
            made[field.name][:, to_sum] = records[field.name][:, at_sum]
        elif field.of == "segmentation":
            made[field.name][:, to] = records[field.name][:, at]
        elif field.of == "audience":
            both = min(old.audiences, new.audiences)
            made[field.name][:, :both] = records[field.name][:, :both]
        elif field.of == "set of audiences":
            made[field.name] = records[field.name] if old.audiences and new.audiences else 0
        elif field.of not in _CONVERTED_APART:
            made[field.name] = records[field.name]
    convert_times(old, new, records, made)
    convert_spent(old, new, records, made)
    convert_identifiers(old, new, records, made)
    if old.format < HELD_SINCE:
        made["looked_at"] = 0  # nothing is held yet, so the next look begins a tick
    return made
