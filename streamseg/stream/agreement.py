"""Whether a customer's row, membership string and last change record tell the same."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.events.record import Record
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.membership.encoding import decode
from streamseg.membership.types import Membership
from streamseg.ports import MembershipStore, StateStore

Segments = Mapping[str, str | None]
"""Segment id by segmentation; None is unassigned."""

NOBODY: Final[Segments] = {}
"""What is announced of a customer who has no segment yet, was erased, or has left."""
PATIENCE_SECONDS: Final = 20.0
"""What is on its way between two of them arrives within this time, or counts as missing."""
LOOK_SECONDS: Final = 0.5
CUSTOMERS_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Announced:
    """The membership of the latest change record by (epoch, seq); None after a tombstone."""

    epoch: int
    seq: int
    membership: Membership | None


class Announcements:
    """What readers of the change topic know: per customer the record with the highest (epoch, seq)."""

    def __init__(self) -> None:
        self.latest: dict[str, Announced] = {}

    def read(self, record: Record) -> None:
        """Take a change record."""
        customer = (record.key or b"").decode(errors="replace")
        known = self.latest.get(customer)
        if record.value is None:
            self.latest[customer] = Announced(known.epoch if known else 0, known.seq if known else 0, None)
            return
        membership = msgspec.json.decode(record.value, type=Membership)
        order = membership.epoch, membership.seq
        # A tombstone has no order of its own. Where it is delivered again, so is what was said after it: hence `>=`.
        gone = known is not None and known.membership is None and order >= (known.epoch, known.seq)
        if known is None or gone or order > (known.epoch, known.seq):
            self.latest[customer] = Announced(membership.epoch, membership.seq, membership)

    def segments(self, customer_id: str) -> Segments:
        """What a reader of the topic believes of the customer."""
        known = self.latest.get(customer_id)
        return segments_of(known.membership) if known else NOBODY


def segments_of(membership: Membership | None) -> Segments:
    """The assigned segments of a membership."""
    if membership is None:
        return NOBODY
    return {name: standing.id for name, standing in membership.segments.items() if standing is not None}


class Agreement:
    """Looks at row, string and announcements of the customers of a partition."""

    def __init__(self, layout: Layout, state: StateStore, memberships: MembershipStore) -> None:
        self._layout = layout
        self._state = state
        self._memberships = memberships

    async def broken(
        self, partition: int, customers: Sequence[str], catch_up: Callable[[], Awaitable[Announcements]]
    ) -> list[str]:
        """Customers who still disagree when everything on its way has had time to arrive.

        `catch_up` reads the change topic up to its present end.
        """
        clock = asyncio.get_running_loop().time
        until, suspects = clock() + PATIENCE_SECONDS, list(customers)
        while True:
            announcements, looked = await catch_up(), suspects
            suspects = []
            for start in range(0, len(looked), CUSTOMERS_AT_ONCE):
                suspects += await self._look(partition, looked[start : start + CUSTOMERS_AT_ONCE], announcements)
            if not suspects or clock() > until:
                return suspects
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, partition: int, customers: Sequence[str], announcements: Announcements) -> list[str]:
        stored = await self._state.load(partition, customers)
        strings = await self._memberships.read(customers)
        rows = Rows(self._layout, len(customers))
        slots = rows.load(customers, stored)
        broken = []
        for customer, slot, string in zip(customers, slots.tolist(), strings, strict=True):
            standing = decode(string) if string is not None else None
            # Of a segmentation in shadow there is nothing in the string.
            settled = {
                name: id_of(name, int(code))
                for name, code in zip(self._layout.segmentations, rows.segment[slot], strict=True)
                if code != UNASSIGNED and (standing is None or name in standing.segments)
            }
            published = bool(rows.published_wall[slot] > 0)
            if (
                published != (standing is not None)
                or (standing is not None and standing.seq != rows.seq[slot])
                or not settled == segments_of(standing) == announcements.segments(customer)
            ):
                broken.append(customer)
        return broken
