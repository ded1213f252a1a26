"""What every store does alike: its limits, the life of a string, the words in which it refuses."""

from typing import Final
from zlib import crc32

from streamseg.errors import FlushRefusedError, LayoutMismatchError
from streamseg.ports import Flush

ROWS_IN_ONE_FLUSH: Final = 2_000
"""10,000 rows hold up Redis for 26 ms (lab)."""

DELETION_MARK_SECONDS: Final = 7 * 86_400
"""How long a deletion is remembered where a membership stood: as long as `streamseg.memberships` keeps tombstones."""


def check_size(flush: Flush) -> None:
    """Raise `ValueError` for a flush that no store takes."""
    if len(flush.rows) > ROWS_IN_ONE_FLUSH:
        raise ValueError(f"a flush takes at most {ROWS_IN_ONE_FLUSH} rows, not {len(flush.rows)}")


def jittered(ttl_seconds: int, customer_id: str) -> int:
    """A TTL up to a tenth less than the setting, by the customer, so that strings do not all end at once."""
    return ttl_seconds - crc32(customer_id.encode()) % (ttl_seconds // 10 + 1)


def not_owner(partition: int, owner: str, claimant: str) -> FlushRefusedError:
    """Someone else owns the partition; '' for nobody."""
    return FlushRefusedError(f"partition {partition} is owned by {owner or 'nobody'}, not {claimant}")


def not_at(partition: int, flush_number: int, believed: int) -> FlushRefusedError:
    """The owner is right, the flush number is not."""
    return FlushRefusedError(f"partition {partition} is at flush number {flush_number}, not {believed}")


def other_layout(partition: int, stored: str, layout: str) -> LayoutMismatchError:
    """The rows were written with other settings."""
    return LayoutMismatchError(
        f"the rows of partition {partition} have layout {stored}, the settings ask for {layout}: "
        "give all workers the same settings, put them back, or run `streamseg rebuild`"
    )
