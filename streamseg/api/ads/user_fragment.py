"""Describe a customer's segments as an OpenRTB 2.6 `user` fragment and as key-values."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamseg.api.ads.iab_taxonomy import SEGTAX, audience_ids
from streamseg.errors import SettingsError

SEGMENTS_AT_MOST: Final = 32
KEY: Final = "ssg"
EMPTY: Final[dict[str, Any]] = {"user": {"data": []}, "key_values": {}}


def checked_audiences(audiences: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return the map of segment ids to IAB ids. Raises `SettingsError` for an id that the taxonomy does not have."""
    for segment, ids in audiences.items():
        for each in ids:
            if each not in audience_ids():
                raise SettingsError(
                    f"setting api.iab_audiences.{segment}: {each} is not an id of the IAB Audience Taxonomy 1.1"
                )
    return {segment: tuple(ids) for segment, ids in audiences.items()}


def user_fragment(
    segments: Sequence[str], provider: str, labels: Mapping[str, str], audiences: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Return `{"user": {"data": [...]}, "key_values": {...}}` for the first 32 segments.

    One Data object has the segment ids, without `segtax`; a second one has the IAB ids that they are mapped to, with it
    (OpenRTB 2.6, sections 3.2.21 and 3.2.22).

    Args:
        segments: segment ids.
        provider: name of the data provider.
        labels: labels by segment id.
        audiences: IAB ids by segment id.
    """
    shown = list(segments[:SEGMENTS_AT_MOST])
    if not shown:
        return EMPTY
    own = [{"id": segment} | ({"name": labels[segment]} if labels.get(segment) else {}) for segment in shown]
    data: list[dict[str, Any]] = [{"name": provider, "segment": own}]
    mapped = sorted({each for segment in shown for each in audiences.get(segment, ())}, key=int)
    if mapped:
        ext = {"segtax": SEGTAX}
        data.append({"name": provider, "ext": ext, "segment": [{"id": each} for each in mapped[:SEGMENTS_AT_MOST]]})
    return {"user": {"data": data}, "key_values": {KEY: shown}}
