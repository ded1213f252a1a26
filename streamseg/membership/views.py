"""Views of a membership that have keys of their own, because an ACL cannot look into a value.

ssg:v1:a:<id>   {"v":1,"customer_id":"c-81","epoch":1795415000123,"seq":17,"as_of":1795415998,
                 "segments":["behaviour-k7q2"]}
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from streamseg.membership.encoding import VERSION, decode

_NO_ADS: Final = b',"consent":{"ads":false,'
_CONSENT_BYTES: Final = len(_NO_ADS) + len(b'"personalisation":false}}')
"""Consent ends a membership string, so the many customers without it are told by their last bytes."""


@dataclass(frozen=True, slots=True)
class _AdsView:
    """In the order of the membership string, so that the store finds epoch and seq in the same place."""

    v: int
    customer_id: str
    epoch: int
    seq: int
    as_of: int
    segments: list[str]


def ads_view(membership: bytes | None, shown: Callable[[str], bool]) -> bytes | None:
    """What ad servers may read: None without consent to ads, or without any segment that may be shown."""
    if membership is None or _NO_ADS in membership[-_CONSENT_BYTES:]:
        return None
    full = decode(membership)
    if not full.consent.ads:
        return None
    segments = [one.id for one in full.segments.values() if one is not None and shown(one.id)]
    if not segments:
        return None
    return msgspec.json.encode(_AdsView(VERSION, full.customer_id, full.epoch, full.seq, full.as_of, segments))
