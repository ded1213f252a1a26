"""Standing memberships and their changes: the public contract of the store and of `streamseg.memberships`."""

from dataclasses import dataclass
from typing import Literal

import msgspec


@dataclass(frozen=True, slots=True)
class SegmentMembership:
    """Where a customer stands in one segmentation.

    `since` is in epoch seconds; `score` in [0, 1] is 1 - d1/d2 of the distances to the own and the best other centre.
    """

    id: str
    since: int
    score: float


@dataclass(frozen=True, slots=True)
class Consent:
    """What the customer allows, with the settings' answer for what is unknown already filled in."""

    ads: bool
    personalisation: bool


@dataclass(frozen=True, slots=True)
class Membership:
    """One membership string. (epoch, seq) orders the writes of one customer; readers keep the highest.

    `as_of` (epoch seconds, of the partition's clock) is the moment for which the decision holds; `model` names the
    snapshot version per segmentation.
    """

    customer_id: str
    epoch: int
    seq: int
    as_of: int
    model: dict[str, int]
    segments: dict[str, SegmentMembership | None]
    consent: Consent


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """One step of a customer: entered or exited `segment` of `segmentation`."""

    segmentation: str
    segment: str
    change: Literal["entered", "exited"]


class OutboxEntry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A decided write under way: made together with its row, then delivered until acknowledged.

    `membership` is the encoded membership string, or None when the customer is erased or has left: the string is
    deleted and the change topic gets a tombstone. With no `changes` and a membership, only the string is rewritten.
    """

    customer_id: str
    epoch: int
    seq: int
    membership: bytes | None
    changes: tuple[MembershipChange, ...] = ()
