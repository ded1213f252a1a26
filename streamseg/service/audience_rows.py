"""Reads all stored rows in pieces for questions about audiences, and gives way to others in between."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from streamseg.features.layout import Layout
from streamseg.features.relayout import with_readable
from streamseg.features.rows import Rows
from streamseg.pipeline import CLOCK
from streamseg.ports import StateStore
from streamseg.service.row_scans import ROWS_AT_ONCE, scan_rows, stored_partitions


@dataclass(frozen=True, slots=True)
class Rest:
    """How a scan shares its process: the rows of a piece, and the rest after it in times of the work on it."""

    rows: int = ROWS_AT_ONCE
    share: float = 0.0


NO_REST: Final = Rest()
"""Of commands, which have nothing else to do."""


async def pieces_and_clocks(
    state: StateStore, layout: Layout, *, event_clock: bool, rest: Rest = NO_REST
) -> AsyncIterator[tuple[Rows, float]]:
    """Yield all stored rows in pieces, each customer once, with the clock of their partition."""
    readable = with_readable(layout, await state.layouts())
    async for partition in stored_partitions(state):
        stood_at = await clock_of(state, partition)
        async for listed in scan_rows(state, partition, rest.rows):
            began = time.perf_counter()
            rows = Rows(readable, max(len(listed), 1))
            rows.load([customer for customer, _ in listed], [row for _, row in listed])
            yield rows, stood_at if event_clock else time.time()
            if rest.share:
                await asyncio.sleep((time.perf_counter() - began) * rest.share)


async def clock_of(state: StateStore, partition: int) -> float:
    """Return the clock of a partition when it last wrote, epoch seconds; 0 before."""
    metadata = await state.metadata(partition)
    return float(metadata.checkpoint.get(CLOCK, 0)) if metadata is not None else 0.0
