"""Builds reduced views of a membership for readers with fewer rights. Each has its own keys: a Redis ACL covers keys.

ssg:v1:a:<id>   {"v":1,"customer_id":"c-81","epoch":1795415000123,"seq":17,"as_of":1795415998,
                 "segments":["behaviour-k7q2"],"audiences":["win-back"]}

Audiences are there only if there are any to show.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from streamseg.membership.encoding import VERSION, decode

_NO_ADS: Final = b',"consent":{"ads":false,'
_CONSENT_BYTES: Final = len(_NO_ADS) + len(b'"personalisation":false,"analytics":false}}')
"""Bytes to search: a membership string ends with the consent, so most customers without it need no decoding."""


@dataclass(frozen=True, slots=True)
class _AdsView:
    """Fields in the order of the membership string: the store finds epoch and seq at the same position."""

    v: int
    customer_id: str
    epoch: int
    seq: int
    as_of: int
    segments: list[str]
    audiences: list[str] | msgspec.UnsetType = msgspec.UNSET


def _none(_: str) -> bool:
    return False


def ads_view(
    membership: bytes | None, shown: Callable[[str], bool], shown_audience: Callable[[str], bool] = _none
) -> bytes | None:
    """Return what ad servers may read; None without consent to ads or without a segment or audience to show.

    Args:
        membership: the membership string; None if there is none.
        shown: whether ad servers may see the segment with this id.
        shown_audience: the same for audiences.
    """
    if membership is None or _NO_ADS in membership[-_CONSENT_BYTES:]:
        return None
    full = decode(membership)
    if not full.consent.ads:
        return None
    segments = [one.id for one in full.segments.values() if one is not None and shown(one.id)]
    audiences = [one for one in full.audiences or () if shown_audience(one)]
    if not segments and not audiences:
        return None
    told = audiences or msgspec.UNSET
    return msgspec.json.encode(_AdsView(VERSION, full.customer_id, full.epoch, full.seq, full.as_of, segments, told))
