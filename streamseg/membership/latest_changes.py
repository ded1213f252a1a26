"""Follows the change topic: the latest membership of each customer, as its readers know it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from streamseg.events.record import Record
from streamseg.membership.types import Membership

Segments = Mapping[str, str]
"""Segment id by segmentation; segmentations without a segment are left out."""

NO_SEGMENTS: Final[Segments] = {}
"""What is published of a customer who is in no segment, erased or expired."""


@dataclass(frozen=True, slots=True)
class LatestChange:
    """The membership of the latest change record; None after a tombstone, which keeps the (epoch, seq) before it."""

    epoch: int
    seq: int
    membership: Membership | None


class LatestChanges:
    """The change record with the highest (epoch, seq) of each customer."""

    def __init__(self) -> None:
        self.latest: dict[str, LatestChange] = {}
        """Latest change by customer id."""

    def read(self, record: Record) -> None:
        """Read the next change record. Raises `msgspec.DecodeError` for a value that is not one."""
        customer = (record.key or b"").decode(errors="replace")
        known = self.latest.get(customer)
        if record.value is None:
            self.latest[customer] = LatestChange(known.epoch if known else 0, known.seq if known else 0, None)
            return
        membership = msgspec.json.decode(record.value, type=Membership)
        order = membership.epoch, membership.seq
        # A tombstone counts at once: those of earlier releases have no (epoch, seq) to compare. A redelivered one is
        # followed by the changes after it, which are redelivered too: hence `>=`.
        gone = known is not None and known.membership is None and order >= (known.epoch, known.seq)
        if known is None or gone or order > (known.epoch, known.seq):
            self.latest[customer] = LatestChange(membership.epoch, membership.seq, membership)

    def segments(self, customer_id: str) -> Segments:
        """Return the customer's segments according to the topic."""
        known = self.latest.get(customer_id)
        return segments_of(known.membership) if known else NO_SEGMENTS


def segments_of(membership: Membership | None) -> Segments:
    """Return the segments of a membership; none for a tombstone (None)."""
    if membership is None:
        return NO_SEGMENTS
    return {name: segment.id for name, segment in membership.segments.items() if segment is not None}
