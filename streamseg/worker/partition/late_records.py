"""Finds change records that a former owner delivered late, and publishes again what they hide.

A worker can freeze between writing a membership string and sending its change record. Its partition gets a newer owner,
and the record lands after that owner's records when the worker thaws. Readers ignore it by its (epoch, seq), but
compaction keeps the last record of a key: an erased customer would be back on the topic for good. No fence can stop
a send that is under way. So the owner, who is the only one to write its partition of the topic, looks for records that
it did not send (DESIGN.md, Exactly-once effect).
"""

import logging
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from streamseg.membership.encoding import decode, order_of
from streamseg.membership.latest_changes import LatestChange, segments_of
from streamseg.membership.types import OutboxEntry
from streamseg.metrics import Metrics
from streamseg.ports import MembershipStore

log = logging.getLogger(__name__)


class LateRecords:
    """Compares the end of one partition of the change topic with the records that this owner has sent.

    Args:
        start: an offset from which on the records of former owners were not looked at.
    """

    def __init__(self, partition: int, start: int, memberships: MembershipStore, metrics: Metrics) -> None:
        self._partition = partition
        self._memberships = memberships
        self._metrics = metrics
        self._own = 0
        self.looked_until = start

    def sent(self, records: int) -> None:
        """Note that this owner's records were acknowledged."""
        self._own += records

    def others(self, end: int) -> bool:
        """Return whether the topic, which ends at offset `end`, holds new records that this owner has not sent."""
        return end - self.looked_until > self._own

    def looked(self, end: int) -> None:
        """Note that all records before offset `end` were looked at."""
        self.looked_until, self._own = end, 0

    async def hidden(self, last: Mapping[str, LatestChange]) -> list[OutboxEntry]:
        """Return an entry for each customer whose last record is older than what the store holds, and differs from it.

        A string that was only rewritten is newer than its change record, and says the same. Where the store knows
        neither a string nor a deletion, it has lost them or they have expired: then the record stands.

        Args:
            last: the last record by customer id.

        Raises:
            StoreUnavailableError: the store did not answer.
        """
        customers = list(last)
        strings = await self._memberships.read(customers)
        deletions = await self._memberships.deletions(customers)
        entries = []
        for customer, string, deletion in zip(customers, strings, deletions, strict=True):
            entry = _hidden(customer, last[customer], string, deletion)
            if entry is not None:
                entries.append(entry)
        if entries:
            self._metrics.late_changes.inc(len(entries))
            log.warning(
                "partition %d: a former owner delivered late; %d changes that it hid are republished",
                self._partition,
                len(entries),
            )
        return entries


def _hidden(
    customer: str, record: LatestChange, string: bytes | None, deletion: tuple[int, int] | None
) -> OutboxEntry | None:
    if string is None:
        if deletion is None or record.membership is None or record.order >= deletion:
            return None
        return OutboxEntry(customer, *deletion, None, (), record.membership.consent)
    order = order_of(string)
    if order is None or record.order >= order or _tells(record, string):
        return None
    return OutboxEntry(customer, *order, string)


def _tells(record: LatestChange, string: bytes) -> bool:
    held, told = decode(string), record.membership
    return told is not None and (segments_of(told), told.consent) == (segments_of(held), held.consent)


def without(entries: Sequence[OutboxEntry], refused: AbstractSet[tuple[str, int]]) -> Sequence[OutboxEntry]:
    """Return all entries except those of a customer and epoch in `refused`.

    Not all of the customer: the outbox can hold a refused entry and a later one whose record is still to be sent.
    """
    return [entry for entry in entries if (entry.customer_id, entry.epoch) not in refused] if refused else entries
