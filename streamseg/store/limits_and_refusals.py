"""The limits that all stores share, and the errors with which they refuse a write."""

from typing import Final
from zlib import crc32

from streamseg.errors import FlushRefusedError, LayoutMismatchError
from streamseg.ports import FLUSH_ROWS, Delivery, Flush

FLOW_DAYS: Final = 400
"""Days of which a partition keeps the moves between segments: a year, and a month to compare it with."""

DELETION_MARK_SECONDS: Final = 7 * 86_400
"""How long a deleted membership is remembered: as long as `streamseg.memberships` keeps tombstones."""

URGENT_RANK: Final = 1e12
"""Above every time in epoch seconds."""


def check_size(flush: Flush) -> None:
    """Raise `ValueError` when a flush has too many rows."""
    if len(flush.rows) > FLUSH_ROWS:
        raise ValueError(f"a flush takes at most {FLUSH_ROWS} rows, not {len(flush.rows)}")


def jittered_ttl(ttl_seconds: int, customer_id: str) -> int:
    """Return the TTL minus up to a tenth, by customer, so that strings do not all expire at once."""
    return ttl_seconds - crc32(customer_id.encode()) % (ttl_seconds // 10 + 1)


def drop_rank(delivery: Delivery, due: float) -> float:
    """Return the place of a delivery in the order of dropping: the oldest first, urgent ones after all others."""
    return due + URGENT_RANK if delivery.urgent else due


def not_owner(partition: int, owner: str, claimant: str) -> FlushRefusedError:
    """Return the error for a write by another than the owner; an empty `owner` means nobody."""
    return FlushRefusedError(f"partition {partition} is owned by {owner or 'nobody'}, not {claimant}")


def wrong_flush_number(partition: int, stored: int, given: int) -> FlushRefusedError:
    """Return the error for a flush by the owner with a wrong flush number."""
    return FlushRefusedError(f"partition {partition} is at flush number {stored}, not {given}")


def layout_mismatch(partition: int, stored: str, layout: str) -> LayoutMismatchError:
    """Return the error for a claim with another layout than that of the rows."""
    return LayoutMismatchError(
        f"the rows of partition {partition} have layout {stored}, the settings ask for {layout}: "
        "give all workers the same settings, restore the former ones, or run `streamseg rebuild`"
    )
