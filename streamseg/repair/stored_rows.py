"""Read all rows of a partition while its worker goes on."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from streamseg.ports import StateStore

ROWS_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class PartitionCopy:
    """Rows of a partition, and the checkpoint read before them: the rows hold at least all events below it."""

    checkpoint: Mapping[str, int]
    rows: Mapping[str, bytes]


async def scan_rows(state: StateStore, partition: int) -> AsyncIterator[Sequence[tuple[str, bytes]]]:
    """Yield the rows of a partition in pieces, as (customer id, row); a row can occur twice."""
    cursor = 0
    while True:
        cursor, piece = await state.scan(partition, cursor, ROWS_AT_ONCE)
        yield piece
        if cursor == 0:
            return


async def copy_partition(state: StateStore, partition: int) -> PartitionCopy:
    """Copy the checkpoint and the rows of a partition."""
    metadata = await state.metadata(partition)
    rows: dict[str, bytes] = {}
    async for piece in scan_rows(state, partition):
        rows.update(piece)
    return PartitionCopy(dict(metadata.checkpoint) if metadata else {}, rows)
