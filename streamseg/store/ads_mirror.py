"""Writes each membership twice: whole, and as the view for ad servers."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from streamseg.audiences.counted_sizes import AudienceSizes
from streamseg.audiences.declared import DeclaredAudiences
from streamseg.errors import PartlyWrittenError, StoreUnavailableError
from streamseg.membership.types import OutboxEntry
from streamseg.membership.views import ads_view
from streamseg.ports import MembershipStore, ModelStore

SIZES_SECONDS: Final = 10.0
"""How long segment sizes are cached."""


class AdsMirror:
    """A `MembershipStore` that keeps the ads view in step, under keys of its own.

    The view is written first, so that withdrawn consent takes effect before anything else. Each of the two stores
    orders its own writes; if a write fails in between, the outbox relay repeats both. The view omits segments that are
    smaller than `smallest_segment` or of unknown size, and audiences that are not for ads or of whom fewer consent than
    they ask for; one that has grown appears at the membership's next write.
    """

    def __init__(
        self,
        memberships: MembershipStore,
        views: MembershipStore,
        models: ModelStore,
        smallest_segment: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._memberships = memberships
        self._views = views
        self._models = models
        self._smallest = smallest_segment
        self._clock = clock
        self._shown: frozenset[str] = frozenset()
        self._shown_audiences: frozenset[str] = frozenset()
        self._read_at = float("-inf")

    async def write(self, entries: Sequence[OutboxEntry]) -> set[tuple[str, int]]:
        """See the port."""
        await self._refresh()
        shown, shown_audience = self._shown.__contains__, self._shown_audiences.__contains__
        views = [
            OutboxEntry(one.customer_id, one.epoch, one.seq, ads_view(one.membership, shown, shown_audience))
            for one in entries
        ]
        try:
            await self._views.write(views)
        except PartlyWrittenError as error:
            return await self._write_others(entries, error)
        return await self._memberships.write(entries)

    async def _write_others(self, entries: Sequence[OutboxEntry], without: PartlyWrittenError) -> set[tuple[str, int]]:
        """Write the memberships of those whose view was written, and raise the error for the others."""
        unwritten = without.customers
        try:
            overtaken = await self._memberships.write([one for one in entries if one.customer_id not in unwritten])
        except PartlyWrittenError as error:
            unwritten, overtaken = unwritten | error.customers, error.overtaken
        raise PartlyWrittenError(str(without), unwritten, overtaken)

    async def server_runs(self) -> str:
        """See the port."""
        return await self._memberships.server_runs()

    async def read(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        """See the port."""
        return await self._memberships.read(customer_ids)

    async def deletions(self, customer_ids: Sequence[str]) -> list[tuple[int, int] | None]:
        """See the port."""
        return await self._memberships.deletions(customer_ids)

    async def note_probe(self, partition: int, sent_at: float) -> None:
        """See the port."""
        await self._memberships.note_probe(partition, sent_at)

    async def probes(self) -> dict[int, float]:
        """See the port."""
        return await self._memberships.probes()

    async def _refresh(self) -> None:
        now = self._clock()
        if now - self._read_at < SIZES_SECONDS:
            return
        try:
            catalogue = await self._models.catalogue()
            audiences = await self._audiences()
        except StoreUnavailableError:
            if math.isinf(self._read_at):
                raise
            self._read_at = now  # the sizes of before hold on: one node that is away does not stop all partitions
            return
        sizes = {segment: int(msgspec.json.decode(entry).get("size") or 0) for segment, entry in catalogue.items()}
        segments = {segment for segment, size in sizes.items() if size >= self._smallest}
        self._shown = frozenset(segments)
        self._shown_audiences = audiences
        self._read_at = now

    async def _audiences(self) -> frozenset[str]:
        """Return the ids of the audiences that ad servers may see."""
        declared = DeclaredAudiences.decode(await self._models.declared())
        return AudienceSizes.decode(await self._models.audience_sizes()).large_enough(declared, "ads")
