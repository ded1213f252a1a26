"""The public catalogue stays true whoever writes it: sizes, names, shadow, and what was given up."""

import json
from typing import Any

import pytest

from streamseg.clustering.sample import Sample
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Layout
from streamseg.ports import Flush
from streamseg.store.memory import MemoryModelStore, MemoryStateStore
from streamseg.worker.pace import Pace
from streamseg.worker.trainer.segment_catalogue import SegmentCatalogue
from tests.support.partition import FEATURES, SNAPSHOT

SAMPLES = [Sample(f"c-{n}", 0.0, tuple(float(n % 10 * 5) for _ in FEATURES), 9, 100.0) for n in range(30)]

pytestmark = pytest.mark.asyncio


class Stage:
    """A store with a described model and members, and one owner of the trainer role after the other."""

    def __init__(self) -> None:
        self.models = MemoryModelStore()
        self.state = MemoryStateStore()
        self.dropped: set[str] = set()

    def owner(self) -> SegmentCatalogue:
        return SegmentCatalogue(
            self.models,
            self.state,
            partitions=2,
            features=catalogue(Layout.of()),
            minor_units=2,
            status=self,
            pace=Pace(catalogue_refresh=0.0),
        )

    def in_shadow(self, segmentation: str) -> bool:
        return False

    def is_dropped(self, segmentation: str) -> bool:
        return segmentation in self.dropped

    async def count(self, partition: int, sizes: dict[str, int]) -> None:
        head = await self.state.metadata(partition) or await self.state.claim(partition, "w", "layout", 1)
        await self.state.flush(partition, Flush("w", head.flush_number, sizes=sizes))

    async def entries(self) -> dict[str, Any]:
        return {segment: json.loads(entry) for segment, entry in (await self.models.catalogue()).items()}


async def described() -> Stage:
    stage = Stage()
    first = stage.owner()
    await first.write(SNAPSHOT, SAMPLES)
    return stage


async def test_a_new_owner_keeps_the_sizes_of_segments_that_it_has_not_described() -> None:
    stage = await described()
    one, other = SNAPSHOT.segments[:2]
    assert {entry["size"] for entry in (await stage.entries()).values()} == {0}
    await stage.count(0, {one: 3, other: 1})
    await stage.count(1, {one: 2})
    second = stage.owner()
    await second.refresh()
    assert (await stage.entries())[one]["size"] == 0, "it has not taken over yet"
    await second.load()
    await second.refresh()
    entries = await stage.entries()
    assert (entries[one]["size"], entries[other]["size"]) == (5, 1)
    assert entries[one]["share"] == pytest.approx(5 / 6, abs=1e-4)


async def test_a_new_owner_takes_names_over_and_lets_what_was_dropped_end() -> None:
    stage = await described()
    one = SNAPSHOT.segments[0]
    second = stage.owner()
    await second.load()
    await stage.models.rename(one, "Our best")
    await second.refresh()
    assert (await stage.entries())[one]["label"] == "Our best"
    stage.dropped.add("behaviour")
    await second.refresh()
    entries = await stage.entries()
    assert all(entry["retired"] for entry in entries.values())
    await second.refresh()
    assert await stage.entries() == entries
    await second.write(SNAPSHOT, SAMPLES)
    assert await stage.entries() == entries, "nothing is described any more"
