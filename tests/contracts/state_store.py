"""Entries and rows for the tests of `StateStore`."""

from streamseg.membership.types import MembershipChange, OutboxEntry
from streamseg.ports import StateStore

NOW_MS = 1_795_415_000_123


def entry(seq: int, customer_id: str = "c-1") -> OutboxEntry:
    change = MembershipChange("behaviour", "behaviour-m3xw", "exited")
    return OutboxEntry(customer_id, NOW_MS, seq, b'{"v":1}', (change,))


async def listed(state: StateStore, partition: int, count: int = 10) -> list[tuple[str, bytes]]:
    cursor, rows = await state.scan(partition, 0, count)
    while cursor:
        cursor, more = await state.scan(partition, cursor, count)
        rows += more
    return rows
