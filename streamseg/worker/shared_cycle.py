"""Lets partitions with few events share a cycle (DESIGN.md, One cycle for several partitions).

A cycle costs about the same with one event or sixty, and a poll brings a few events of each partition. So partitions
that are ready at the same time are absorbed and decided together. Before that each decodes and loads, and afterwards
each flushes and delivers, by itself: one that waits for a server, or whose records raise, costs the others nothing.
"""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from streamseg import pipeline
from streamseg.features.rows import Rows
from streamseg.metrics import Metrics
from streamseg.pipeline import Decision, PartitionRuns
from streamseg.worker.context import Rules
from streamseg.worker.model_cache import ModelCache
from streamseg.worker.partition.reports import report_absorbed

log = logging.getLogger(__name__)

FEW_EVENTS: Final = 500
"""A partition with more has nothing to gain: its cycle costs ten times what is fixed."""
MOST_EVENTS: Final = 4_000
"""In one cycle: nothing else runs meanwhile."""
LONGEST_WAIT: Final = 0.005
"""Seconds that those who are ready wait for those who decode and load."""


class SharedCycle:
    """Absorbs and decides for the partitions of a worker.

    Args:
        rules: of the partitions.
        models: the current models and audiences.
        metrics: of this process.
        one_clock: whether all partitions have the same time, so that they can share a cycle.
    """

    def __init__(self, rules: Rules, models: ModelCache, metrics: Metrics, *, one_clock: bool) -> None:
        self._rules = rules
        self._models = models
        self._metrics = metrics
        self._one_clock = one_clock
        self._slab = Rows(rules.layout)
        self.heard = self._slab.heard
        """Of the rows of all partitions: names are heard while events are absorbed."""
        self._on_the_way = set[object]()
        self._ready: list[tuple[PartitionRuns, asyncio.Future[Decision | None]]] = []
        self._deadline: asyncio.TimerHandle | None = None

    @contextmanager
    def coming(self) -> Iterator[None]:
        """While a partition decodes and loads, those who are ready wait for it, for a moment."""
        one = object()
        self._on_the_way.add(one)
        try:
            yield
        finally:
            self._on_the_way.discard(one)
            self._look()

    async def run(self, runs: PartitionRuns, *, began: float, now: float) -> Decision:
        """Absorb runs and decide what follows, perhaps together with other partitions.

        Args:
            runs: whose rows are loaded. Nobody else works on these rows meanwhile.
            began: the partition's clock when the cycle began, epoch seconds.
            now: the partition's clock, epoch seconds; 0 before it has started.
        """
        if self._one_clock and runs.events < FEW_EVENTS:
            decided: asyncio.Future[Decision | None] = asyncio.get_running_loop().create_future()
            self._ready.append((runs, decided))
            if self._deadline is None:
                self._deadline = asyncio.get_running_loop().call_later(LONGEST_WAIT, self._wait_no_longer)
            self._look()
            if (decision := await decided) is not None:
                return decision
        (decision,) = self._cycle([runs], began, now)
        return decision

    def _look(self) -> None:
        """Run once nobody is on the way, and one turn of the loop later: runs of one poll come within it."""
        if self._ready and not self._on_the_way:
            asyncio.get_running_loop().call_soon(self._run_if_still, len(self._ready))

    def _run_if_still(self, ready: int) -> None:
        if not self._on_the_way and len(self._ready) == ready:
            self._run()

    def _wait_no_longer(self) -> None:
        self._on_the_way.clear()  # who is late is not waited for again in this cycle: its server may be away
        self._run()

    def _run(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        ready, self._ready = self._ready, []
        ready = [one for one in ready if not one[1].done()]  # a partition may be closed while it waits
        while ready:
            many, events = 0, 0
            while many < len(ready) and (not many or events + ready[many][0].events <= MOST_EVENTS):
                events += ready[many][0].events
                many += 1
            self._share(ready[:many])
            ready = ready[many:]

    def _share(self, ready: list[tuple[PartitionRuns, "asyncio.Future[Decision | None]"]]) -> None:
        """Run a cycle for these partitions; one that is by itself runs its own, and all do if the cycle raises."""
        decisions: list[Decision | None] = [None] * len(ready)
        if len(ready) > 1:
            now = time.time()
            try:
                decisions = [*self._cycle([runs for runs, _ in ready], now, now)]
            except Exception as error:  # noqa: BLE001  no row has changed, and the one behind it will raise by itself
                log.warning("a cycle of %d partitions raised %s: each runs its own", len(ready), type(error).__name__)
        for (_, decided), decision in zip(ready, decisions, strict=True):
            decided.set_result(decision)

    def _cycle(self, given: list[PartitionRuns], began: float, now: float) -> list[Decision]:
        models = pipeline.Models(self._models.segmentations, self._models.audiences, self._rules.publishing)
        # Late events make no verdict of long ago.
        earliest, cycle = began - self._rules.sweep_interval, pipeline.Cycle(given, self._slab)
        with self._metrics.steps.labels(stage="absorb").time():
            absorbed = cycle.absorb(self._rules.money, models, earliest)
        with self._metrics.steps.labels(stage="decide").time():
            decisions = cycle.decide(models, now=now, earliest=earliest, wall_now=time.time())
        report_absorbed(absorbed, self._metrics)
        return decisions
