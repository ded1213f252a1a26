"""Read all rows of a partition while its worker goes on."""

from collections.abc import Mapping
from dataclasses import dataclass

from streamseg.ports import StateStore
from streamseg.service.row_scans import scan_rows


@dataclass(frozen=True, slots=True)
class PartitionCopy:
    """Rows of a partition, and the checkpoint read before them: the rows hold at least all events below it."""

    checkpoint: Mapping[str, int]
    rows: Mapping[str, bytes]


async def copy_partition(state: StateStore, partition: int) -> PartitionCopy:
    """Copy the checkpoint and the rows of a partition."""
    metadata = await state.metadata(partition)
    rows: dict[str, bytes] = {}
    async for piece in scan_rows(state, partition):
        rows.update(piece)
    return PartitionCopy(dict(metadata.checkpoint) if metadata else {}, rows)
