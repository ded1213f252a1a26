"""What the page of the model reads: snapshots, comparisons of a shadow with the public, and advice on k."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

from streamseg.clustering.customer_map import CustomerMap
from streamseg.clustering.description.comparison import Comparison
from streamseg.clustering.snapshot import Snapshot
from streamseg.console.reads.kept import Kept, StillReadingError
from streamseg.ports import ModelStore
from streamseg.service import segmentations
from streamseg.service.audit_trail import Trail
from streamseg.service.k_selection import KAdvice

QUICK_SECONDS: Final = 2.0
MAP_SECONDS: Final = 5.0
SCAN_SECONDS: Final = 30.0
ADVICE_SECONDS: Final = 600.0


class Learning:
    """The models. Every question may raise `StoreUnavailableError` and `StillReadingError`.

    Args:
        models: snapshots and promotions.
        shadow: the declared segmentations, and whether each is a shadow.
        segments_wanted: the setting k by segmentation that is learned.
        compare: compares two segmentations, the public one first.
        advise: suggests k of a segmentation; None where there are too few customers.
        clock: wall time, epoch seconds.
    """

    def __init__(
        self,
        models: ModelStore,
        *,
        shadow: Mapping[str, bool],
        segments_wanted: Mapping[str, int],
        compare: Callable[[str, str], Awaitable[Comparison]],
        advise: Callable[[str], Awaitable[KAdvice | None]],
        clock: Callable[[], float],
    ) -> None:
        self._models, self._clock = models, clock
        self.shadow, self.segments_wanted = shadow, segments_wanted
        self._snapshots = {name: Kept(partial(self._read, name), QUICK_SECONDS) for name in segments_wanted}
        self._maps = {name: Kept(partial(self._read_map, name), MAP_SECONDS) for name in segments_wanted}
        self._promoted = Kept(models.promoted, QUICK_SECONDS)
        self._compare, self._compared = compare, dict[tuple[str, str], Kept[Comparison]]()
        self._advice = {name: Kept(partial(_boxed, advise, name), ADVICE_SECONDS) for name in segments_wanted}

    def chosen(self, asked: str | None) -> str | None:
        """Return the segmentation that is asked for if it is learned, else the first; None where none is learned."""
        return asked if asked in self.segments_wanted else next(iter(self.segments_wanted), None)

    async def snapshot(self, segmentation: str) -> Snapshot | None:
        """Return the latest snapshot of a segmentation that is learned, None before the first."""
        return (await self._snapshots[segmentation].soon())[0]

    async def customer_map(self, segmentation: str) -> CustomerMap | None:
        """Return the map of the customers, None before the first."""
        return (await self._maps[segmentation].soon())[0]

    async def public_from(self, segmentation: str) -> int | None:
        """Return from when a shadow segmentation is public, epoch seconds; None while it is in shadow."""
        return (await self._promoted.soon()).get(segmentation)

    async def compared(self, old: str, new: str) -> Comparison | None:
        """Return who would move if one replaced the other; None while that is still being counted."""
        kept = self._compared.setdefault((old, new), Kept(partial(self._compare, old, new), SCAN_SECONDS))
        try:
            return await kept.soon()
        except StillReadingError:
            return None

    async def advice(self, segmentation: str) -> KAdvice | None:
        """Return the advice on k; raises `StillReadingError` while it is computed. None: too few customers."""
        return (await self._advice[segmentation].soon())[0]

    async def promote(self, segmentation: str, trail: Trail) -> int:
        """Make a shadow segmentation public. Raises `StreamsegError` where that cannot be."""
        public_from = await segmentations.promote(
            self._models, self.shadow, segmentation, self._clock(), trail=trail, learned=self.segments_wanted
        )
        self._promoted.forget()
        return public_from

    async def _read_map(self, segmentation: str) -> tuple[CustomerMap | None]:
        return (CustomerMap.from_json(await self._models.customer_map(segmentation)),)

    async def _read(self, segmentation: str) -> tuple[Snapshot | None]:
        stored = await self._models.snapshot(segmentation)
        return (None if stored is None else Snapshot.from_json(stored),)


async def _boxed(advise: Callable[[str], Awaitable[KAdvice | None]], name: str) -> tuple[KAdvice | None]:
    """Return the advice in a tuple: `Kept` takes None for nothing read."""
    return (await advise(name),)
