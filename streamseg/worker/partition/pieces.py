"""Writes what was decided of many rows in pieces, each as large as the store takes at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streamseg.features.rows import Rows, Slots
from streamseg.membership.types import OutboxEntry
from streamseg.pipeline import AudiencesLook, SampleRecord
from streamseg.ports import FLUSH_ROWS
from streamseg.worker.partition.counts.flow_count import FlowCount
from streamseg.worker.partition.counts.segment_sizes import Codes, SegmentSizes
from streamseg.worker.partition.lease import Lease


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided of n rows."""

    slots: Slots
    before: Codes
    """Codes of the segments before, shape (n, segmentations)."""
    after: Codes
    entries: Sequence[OutboxEntry]
    """In the order of the slots."""
    audiences: AudiencesLook | None
    """The look at the audiences of these rows; None where none are declared."""
    due: Sequence[tuple[str, float]]
    """When customers must be looked at without an event; also customers whose rows are not written."""
    now: float
    """The partition's clock when it was decided, epoch seconds."""
    samples: Sequence[SampleRecord] = ()

    def where(self, chosen: NDArray[np.bool_]) -> "Decided":
        """Return what was decided of some of the rows, with all that follows: nothing follows of the others."""
        audiences = None if self.audiences is None else self.audiences.part(chosen)
        before, after = self.before[chosen], self.after[chosen]
        return replace(self, slots=self.slots[chosen], before=before, after=after, audiences=audiences)


class Pieces:
    """Writes under a lease, with the counts of the partition."""

    def __init__(self, lease: Lease, sizes: SegmentSizes, flow_count: FlowCount) -> None:
        self._lease = lease
        self._sizes = sizes
        self._flow_count = flow_count

    async def write(
        self, rows: Rows, decided: Decided, checkpoint: Mapping[str, int], *, remove: bool = False
    ) -> tuple[str | None, bool]:
        """Flush the rows in pieces of `FLUSH_ROWS`, each with its entries and the sizes as they are with it.

        The checkpoint moves with the last piece. Returns what `Lease.flush` returns, for all pieces together.

        Args:
            rows: of the partition.
            decided: what to write.
            checkpoint: next offset by topic, as it is with all of these rows.
            remove: delete the rows instead.

        Raises:
            FlushRefusedError: another worker owns the partition, or the store lost a flush.
        """
        position, in_doubt, sent = None, False, 0
        slots, entries, look = decided.slots, decided.entries, decided.audiences
        pieces = range(0, max(len(slots), len(decided.due), 1), FLUSH_ROWS)
        for start in pieces:
            piece = slice(start, start + FLUSH_ROWS)
            last, end = start == pieces[-1], len(entries)
            if not last:
                ids = {rows.customer_ids[slot] for slot in slots[piece].tolist()}
                end = next((at for at in range(sent, end) if entries[at].customer_id not in ids), end)
            moved = decided.before[piece], decided.after[piece]
            written, doubt = await self._lease.flush(
                rows,
                slots[piece],
                entries[sent:end],
                self._sizes.after(rows, slots[piece], *moved, None if look is None else look.part(piece)),
                checkpoint if last else None,
                flows=self._flow_count.of(rows, slots[piece], *moved, decided.now),
                due=decided.due[piece],
                remove=remove,
            )
            sent, position, in_doubt = end, written or position, in_doubt or doubt
        return position, in_doubt
