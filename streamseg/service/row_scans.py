"""Read stored rows in pieces, while workers go on."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from streamseg.ports import StateStore

ROWS_AT_ONCE: Final = 1_000


async def scan_rows(
    state: StateStore, partition: int, at_once: int = ROWS_AT_ONCE
) -> AsyncIterator[Sequence[tuple[str, bytes]]]:
    """Yield the rows of a partition in pieces, as (customer id, row); a row can occur twice."""
    cursor = 0
    while True:
        cursor, piece = await state.scan(partition, cursor, at_once)
        yield piece
        if cursor == 0:
            return


async def stored_partitions(state: StateStore) -> AsyncIterator[int]:
    """Yield the partitions that a worker has stored; at least partition 0."""
    partition = 0
    while partition == 0 or await state.metadata(partition) is not None:
        yield partition
        partition += 1
