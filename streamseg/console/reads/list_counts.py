"""How many customers are on each list now: counted when somebody looks, once for all who look."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from streamseg.console.reads.kept import Kept, StillReadingError
from streamseg.service.lists import ListCounts

SCAN_SECONDS: Final = 10.0


class ListTallies:
    """Counts the customers on lists by all rows. `count` returns the count of a list by its id."""

    def __init__(self, count: Callable[[str], Awaitable[ListCounts]]) -> None:
        self._count = count
        self._kept: dict[str, tuple[int, Kept[ListCounts]]] = {}

    async def of(self, name: str, version: int) -> ListCounts | None:
        """Return the count of a version of a list; None while it is being counted. Raises what `count` raises."""
        known, kept = self._kept.get(name, (0, None))
        if kept is None or known != version:
            kept = Kept(partial(self._count, name), SCAN_SECONDS)
            self._kept[name] = version, kept
        try:
            return await kept.soon()
        except StillReadingError:
            return None
