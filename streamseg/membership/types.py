"""Memberships and membership changes: the public contract of the store and of `streamseg.memberships`."""

from dataclasses import dataclass
from typing import Literal

import msgspec


@dataclass(frozen=True, slots=True)
class SegmentMembership:
    """A customer's segment in one segmentation.

    `since` is when it was entered, in epoch seconds. `score` (0-1) is 1 - d1/d2, where d1 is the distance to the centre
    of this segment and d2 that to the nearest other centre. In a declared group it is 1.
    """

    id: str
    since: int
    score: float


@dataclass(frozen=True, slots=True)
class Consent:
    """A customer's consent; the settings have filled in unanswered purposes.

    `analytics` says whether models may learn from the customer. Memberships of an earlier release lack it.
    """

    ads: bool
    personalisation: bool
    analytics: bool = True

    @classmethod
    def of_codes(cls, codes: tuple[int, int, int], unknown: "Consent") -> "Consent":
        """Return the consent for a row's `answers`; `unknown` replaces unknown ones."""
        ads, personalisation, analytics = codes
        return cls(
            unknown.ads if ads < 0 else bool(ads),
            unknown.personalisation if personalisation < 0 else bool(personalisation),
            unknown.analytics if analytics < 0 else bool(analytics),
        )


@dataclass(frozen=True, slots=True)
class Membership:
    """A customer's membership. (epoch, seq) orders the writes of one customer; readers keep the highest.

    `as_of` is the time of the decision on the partition's clock, epoch seconds. `model` has the snapshot version and
    `segments` the segment (None: unassigned), both by segmentation. `audiences` are the ids of those that the customer
    belongs to, sorted; None where none are declared.
    """

    customer_id: str
    epoch: int
    seq: int
    as_of: int
    model: dict[str, int]
    segments: dict[str, SegmentMembership | None]
    consent: Consent
    audiences: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """The customer entered or exited `segment` of `segmentation`."""

    segmentation: str
    segment: str
    change: Literal["entered", "exited"]


@dataclass(frozen=True, slots=True)
class AudienceChange:
    """The customer entered or exited `audience`, by its definition of this version."""

    audience: str
    version: int
    change: Literal["entered", "exited"]


class OutboxEntry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A decided write that is not delivered yet: stored together with its row, then delivered until acknowledged.

    `membership` is the encoded membership string, or None if the customer is erased or expired: then the string is
    deleted and the change topic gets a tombstone. `previous` is the consent before it: set if an answer differs from
    it, and in each deletion. Entries of an earlier release lack it, and changes of audiences.
    """

    customer_id: str
    epoch: int
    seq: int
    membership: bytes | None
    changes: tuple[MembershipChange, ...] = ()
    previous: Consent | None = None
    audience_changes: tuple[AudienceChange, ...] = ()

    @property
    def is_change(self) -> bool:
        """Whether the change topic gets a record; without one, only the string is rewritten."""
        return bool(self.changes or self.audience_changes) or self.membership is None or self.previous is not None
