"""Read stored rows in pieces, while workers go on."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from streamseg.clustering.identity import meet
from streamseg.pipeline import SIZE_PREFIX
from streamseg.ports import StateStore

ROWS_AT_ONCE: Final = 1_000


async def scan_rows(
    state: StateStore, partition: int, at_once: int = ROWS_AT_ONCE
) -> AsyncIterator[Sequence[tuple[str, bytes]]]:
    """Yield the rows of a partition in pieces, as (customer id, row), each once.

    A store lists some rows twice. To leave out the second ones, the ids of the part of the store that is being listed
    are remembered: a bucket and a piece.
    """
    cursor, listed, look_at = 0, set[str](), 0
    while True:
        cursor, piece = await state.scan(partition, cursor, at_once)
        fresh = {customer: row for customer, row in piece if customer not in listed}
        yield list(fresh.items())
        if cursor == 0:
            return
        listed |= fresh.keys()
        if len(listed) >= look_at:  # as seldom as in `Recount.forget_passed`, for the same reason
            listed = {one for one in listed if not state.passed(cursor, one)}
            look_at = 2 * len(listed)


async def stored_partitions(state: StateStore) -> AsyncIterator[int]:
    """Yield the partitions that a worker has stored; at least partition 0."""
    partition = 0
    while (metadata := await state.metadata(partition)) is not None or partition == 0:
        if metadata is not None:  # rows may hold declared segments that the settings no longer name
            meet(one for one in metadata.sizes if not one.startswith(SIZE_PREFIX))
        yield partition
        partition += 1
