"""What readers of the change topic know of each customer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from streamseg.events.record import Record
from streamseg.membership.types import Membership

Segments = Mapping[str, str | None]


NOBODY: Final[Segments] = {}


@dataclass(frozen=True, slots=True)
class LatestChange:
    """The membership of the latest change record by (epoch, seq); None after a tombstone."""

    epoch: int
    seq: int
    membership: Membership | None


class LatestChanges:
    """What readers of the change topic know: per customer the record with the highest (epoch, seq)."""

    def __init__(self) -> None:
        self.latest: dict[str, LatestChange] = {}

    def read(self, record: Record) -> None:
        """Take a change record."""
        customer = (record.key or b"").decode(errors="replace")
        known = self.latest.get(customer)
        if record.value is None:
            self.latest[customer] = LatestChange(known.epoch if known else 0, known.seq if known else 0, None)
            return
        membership = msgspec.json.decode(record.value, type=Membership)
        order = membership.epoch, membership.seq
        # A tombstone has no order of its own. Where it is delivered again, so is what was said after it: hence `>=`.
        gone = known is not None and known.membership is None and order >= (known.epoch, known.seq)
        if known is None or gone or order > (known.epoch, known.seq):
            self.latest[customer] = LatestChange(membership.epoch, membership.seq, membership)

    def segments(self, customer_id: str) -> Segments:
        """What a reader of the topic believes of the customer."""
        known = self.latest.get(customer_id)
        return segments_of(known.membership) if known else NOBODY


def segments_of(membership: Membership | None) -> Segments:
    """The assigned segments of a membership."""
    if membership is None:
        return NOBODY
    return {name: standing.id for name, standing in membership.segments.items() if standing is not None}
