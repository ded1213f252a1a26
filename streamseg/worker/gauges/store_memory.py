"""Shows how much memory the store uses: it evicts nothing, so without memory it takes no more writes."""

import asyncio
import logging
from typing import Final

from streamseg.errors import StoreLoginError, StoreUnavailableError
from streamseg.logs import OutageLog
from streamseg.metrics import Metrics
from streamseg.ports import StateStore

log = logging.getLogger(__name__)

ASK_SECONDS: Final = 15.0


class StoreMemory:
    """Asks the store for its memory, from time to time."""

    def __init__(self, state: StateStore, metrics: Metrics) -> None:
        self._state = state
        self._metrics = metrics
        self._refusal = OutageLog(log, "the gauge of the store's memory", "Redis")

    async def run(self) -> None:
        """Ask for ever. While the store is away, which partitions log, or refuses to tell, the last answer stands."""
        while True:
            try:
                await self.show()
            except StoreLoginError as error:
                self._refusal.waits(error)
            except StoreUnavailableError:
                pass
            else:
                self._refusal.over()
            await asyncio.sleep(ASK_SECONDS)

    async def show(self) -> None:
        """Ask once. Raises `StoreUnavailableError`."""
        told = await self._state.memory()
        self._metrics.replace(self._metrics.store_memory, {(node,): used for node, (used, _) in told.items()})
        self._metrics.replace(
            self._metrics.store_memory_limit, {(node,): limit for node, (_, limit) in told.items() if limit}
        )
