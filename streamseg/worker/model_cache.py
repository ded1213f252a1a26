"""The worker's models: the store is asked for newer ones, which are swapped in between two runs."""

import asyncio
import logging
import math
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, Protocol

from streamseg.audiences.declared import DeclaredAudiences
from streamseg.audiences.lists.content import LoadedList
from streamseg.clustering.assign import Assigner
from streamseg.clustering.likeness.models import LookalikeOf, Lookalikes
from streamseg.clustering.snapshot import Snapshot
from streamseg.errors import SettingsError, StoreUnavailableError
from streamseg.metrics import Metrics
from streamseg.pipeline import LiveAudiences, Segmentation
from streamseg.ports import ModelStore
from streamseg.service.lists import ListContents
from streamseg.worker.pace import PRODUCTION, Pace

log = logging.getLogger(__name__)

_SETS: Final = 5
"""So many sets of audiences are read at a time while people keep changing them."""


class CompileAudiences(Protocol):
    """Prepares audiences and declared segmentations, but those dropped, for the rows of a worker."""

    def __call__(
        self,
        declared: DeclaredAudiences,
        lists: Mapping[str, LoadedList],
        published: Lookalikes,
        *,
        dropped: Collection[str],
    ) -> tuple[LiveAudiences, Sequence[str]]:
        """Return them, and a line each about what is wrong with others."""
        ...


class ModelCache:
    """All segmentations with their current assigners, and the declared audiences.

    `generation` rises whenever every customer must be assigned again.
    """

    def __init__(
        self,
        store: ModelStore,
        segmentations: Sequence[Segmentation],
        metrics: Metrics,
        pace: Pace = PRODUCTION,
        compile_audiences: CompileAudiences | None = None,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._pace = pace
        self.segmentations = list(segmentations)
        self.audiences: LiveAudiences | None = None
        """The declared audiences and segmentations; None before the first one, and where rows have no room for any."""
        self._compile_audiences = compile_audiences
        self._lists = ListContents(store)
        self._compiles = any(one.declared for one in self.segmentations)
        """Whether rules must be compiled although the audiences are the same."""
        self._sought = 0
        """Greatest generation of audiences that was asked for because a row knows it."""
        self.generation = 0
        self._adopted = [0] * len(self.segmentations)
        self._backfills: list[Mapping[str, float]] = [{} for _ in self.segmentations]
        self._relearned = [0] * len(self.segmentations)
        self._promotions: list[float] = []
        """Epoch seconds of promotions that are still to come."""
        self._foreign: dict[str, int] = {}
        """By segmentation, the stored version that was learned from other features."""

    def in_shadow(self, segmentation: str) -> bool:
        """Return whether the segmentation is not public at this moment."""
        return any(one.name == segmentation and one.public_from > time.time() for one in self.segmentations)

    def is_dropped(self, segmentation: str) -> bool:
        """Return whether the segmentation was dropped."""
        return any(one.name == segmentation and one.dropped for one in self.segmentations)

    @property
    def lacks_segments(self) -> bool:
        """Whether a segmentation that is learned has none yet."""
        return any(one.assigner is None for one in self.segmentations if not one.dropped and not one.declared)

    @property
    def relearned(self) -> int:
        """A number that rises when a backfill of any partition has led to a new model."""
        return sum(self._relearned)

    def relearned_at(self, partition: int) -> float:
        """Return the end of a partition's backfill that all models were relearned for; 0.0 for none.

        Infinite where nothing is learned.
        """
        ends = zip(self.segmentations, self._backfills, strict=True)
        learned = (of for one, of in ends if not one.dropped and not one.declared)
        return min((of.get(str(partition), 0.0) for of in learned), default=math.inf)

    async def check(self) -> None:
        """Load the models at the start.

        Raises `SettingsError` when one was learned from other features, and `StoreUnavailableError`.
        """
        await self.refresh()
        if self._foreign:
            if any(one.name == min(self._foreign) and one.declared for one in self.segmentations):
                raise SettingsError(
                    f"setting segmentations.{min(self._foreign)}.rules: a model was learned under this name; give the "
                    "declared segmentation a name of its own"
                )
            raise SettingsError(
                f"setting segmentations.{min(self._foreign)}.features: the published model was learned from other "
                "features; give the new segmentation a name of its own, run it in shadow, and promote it"
            )

    async def refresh(self) -> None:
        """Take over newer models, promotions and drops from the store. Raises `StoreUnavailableError`."""
        await self._refresh_models()
        await self._refresh_promotions()
        await self._refresh_drops()
        await self._refresh_audiences()
        await self._refresh_lookalikes()

    async def reach(self, generation: int) -> None:
        """Take over the audiences of a generation that a row already knows: another worker was told of them first.

        Asks once for each generation, as a store that failed over may have lost it. Raises `StoreUnavailableError`.
        """
        if self._compile_audiences is not None and generation > max(self._known_audiences, self._sought):
            self._sought = generation
            await self._refresh_audiences()

    @property
    def _dropped(self) -> list[str]:
        return [one.name for one in self.segmentations if one.dropped]

    @property
    def _known_audiences(self) -> int:
        return self.audiences.generation if self.audiences is not None else 0

    async def _refresh_audiences(self) -> None:
        if self._compile_audiences is None:
            return
        for _ in range(_SETS):
            if not self._compiles and await self._store.declared_generation() == self._known_audiences:
                return
            declared = DeclaredAudiences.decode(await self._store.declared())
            lists = await self._lists.of(declared)
            if len(lists) == len(declared.lists) or await self._store.declared_generation() == declared.generation:
                break
        else:
            return  # the next refresh goes on
        published = self.audiences.published if self.audiences is not None else Lookalikes()
        self.audiences, problems = self._compile_audiences(declared, lists, published, dropped=self._dropped)
        for problem in problems:
            log.warning("%s: its members stay as they are", problem)
        self.generation += 1
        self._compiles = False

    async def _refresh_lookalikes(self) -> None:
        live = self.audiences
        if self._compile_audiences is None or live is None or not live.lookalikes:
            return
        if await self._store.lookalikes_version() != live.published.version:
            published = Lookalikes.decode(await self._store.lookalikes())
            lists = await self._lists.of(live.declared)
            self.audiences, _ = self._compile_audiences(live.declared, lists, published, dropped=self._dropped)
            self.generation += published.generation != live.published.generation

    def lookalikes(self) -> Sequence[LookalikeOf]:
        """Return the look-alikes that the declared audiences ask for."""
        return () if self.audiences is None else self.audiences.lookalikes

    async def _refresh_models(self) -> None:
        names = [segmentation.name for segmentation in self.segmentations]
        for s, version in enumerate(await self._store.versions(names)):
            current = self.segmentations[s]
            if current.dropped or version in (current.version, self._foreign.get(current.name)):
                continue
            if current.declared:
                log.warning(
                    "segmentation %s has rules: the model that was learned under its name is ignored", current.name
                )
                self._foreign[current.name] = version
                continue
            stored = await self._store.snapshot(current.name)
            if stored is None:
                continue
            snapshot = Snapshot.from_json(stored)
            if snapshot.features != current.features:
                log.warning("model %s was learned from other features than the settings name: ignored", current.name)
                self._foreign[current.name] = version
                continue
            assigner = Assigner(snapshot) if snapshot.warm else None
            self.segmentations[s] = replace(
                current, assigner=assigner, version=snapshot.version, sampled_share=snapshot.sampled_share
            )
            self._backfills[s], self._relearned[s] = snapshot.backfills, snapshot.relearned
            self._show(snapshot)
            if snapshot.generation != self._adopted[s]:
                self._adopted[s] = snapshot.generation
                self.generation += 1

    def _show(self, snapshot: Snapshot) -> None:
        metrics, labels = self._metrics, {"segmentation": snapshot.segmentation}
        metrics.model_version.labels(**labels).set(snapshot.version)
        metrics.warm_up.labels(**labels).set(snapshot.progress)
        if snapshot.learned_until is not None:
            metrics.learned_until.labels(**labels).set(snapshot.learned_until)
        if snapshot.drift:
            metrics.distance.labels(**labels).set(snapshot.drift[-1])
        if snapshot.drift_per_round is not None:
            metrics.drift.labels(**labels).set(snapshot.drift_per_round)

    def _hide(self, segmentation: str) -> None:
        """Show nothing more of a segmentation that has ended: a model that learns no more would look stale."""
        metrics = self._metrics
        for gauge in (
            metrics.model_version,
            metrics.warm_up,
            metrics.learned_until,
            metrics.distance,
            metrics.drift,
        ):
            with suppress(KeyError):
                gauge.remove(segmentation)

    async def _refresh_promotions(self) -> None:
        if any(one.public_from == math.inf for one in self.segmentations):
            promoted = await self._store.promoted()
            for s, one in enumerate(self.segmentations):
                if one.public_from == math.inf and one.name in promoted:
                    self.segmentations[s] = replace(one, public_from=float(promoted[one.name]))
                    self._promotions.append(self.segmentations[s].public_from)
        due = [at for at in self._promotions if at <= time.time()]
        if due:
            self._promotions = [at for at in self._promotions if at not in due]
            self.generation += 1

    async def _refresh_drops(self) -> None:
        dropped = await self._store.dropped()
        for s, one in enumerate(self.segmentations):
            if one.name in dropped and not one.dropped:
                log.warning("segmentation %s was dropped: remove it from the settings once it is empty", one.name)
                self.segmentations[s] = replace(one, dropped=True, assigner=None)
                self.generation += 1
                self._compiles = self._compiles or one.declared
                self._hide(one.name)

    async def watch(self) -> None:
        """Refresh for ever."""
        while True:
            try:
                await self.refresh()
            except StoreUnavailableError:
                self._metrics.store_errors.labels(operation="models").inc()
            await asyncio.sleep(self._pace.model_poll)
