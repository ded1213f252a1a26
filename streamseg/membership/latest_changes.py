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
    """One change record: (epoch, seq) and the membership, None for a tombstone."""

    epoch: int
    seq: int
    membership: Membership | None

    @property
    def order(self) -> tuple[int, int]:
        """(epoch, seq)."""
        return self.epoch, self.seq


class LatestChanges:
    """The change record with the highest (epoch, seq) of each customer.

    Equal ones are the same record, delivered again.
    """

    def __init__(self) -> None:
        self.latest: dict[str, LatestChange] = {}
        """Latest change by customer id."""
        self.late: set[str] = set()
        """Customers whose last record is older than their latest change. Compaction keeps the last record."""

    def read(self, record: Record) -> bool:
        """Read the next record, and return whether it is the customer's latest; what is no change record is not."""
        customer = (record.key or b"").decode(errors="replace")
        known = self.latest.get(customer)
        change = change_of(record, known)
        if change is None:
            return False
        if known is not None and change.order < known.order:
            self.late.add(customer)
            return False
        self.late.discard(customer)
        self.latest[customer] = change
        return True

    def segments(self, customer_id: str) -> Segments:
        """Return the customer's segments according to the topic."""
        known = self.latest.get(customer_id)
        return segments_of(known.membership) if known else NO_SEGMENTS


def change_of(record: Record, known: LatestChange | None = None) -> LatestChange | None:
    """Return the change of a record, None if it is no change record; `known` is the customer's change before it.

    Only workers write the topic, but a stray record of somebody else must not stop a partition.
    """
    try:
        if record.value is not None:
            membership = msgspec.json.decode(record.value, type=Membership)
            return LatestChange(membership.epoch, membership.seq, membership)
        headers = dict(record.headers)
        epoch, seq = headers.get("epoch"), headers.get("seq")
        if epoch is not None and seq is not None:
            return LatestChange(int(epoch), int(seq), None)
    except ValueError:  # msgspec's errors are of this type
        return None
    # Tombstones of earlier releases have no order: they count at once.
    return LatestChange(known.epoch if known else 0, known.seq if known else 0, None)


def segments_of(membership: Membership | None) -> Segments:
    """Return the segments of a membership; none for a tombstone (None)."""
    if membership is None:
        return NO_SEGMENTS
    return {name: segment.id for name, segment in membership.segments.items() if segment is not None}
