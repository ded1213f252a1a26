"""Declared groups have catalogue entries of their own, sizes and shares like any segment."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from streamseg import packs
from streamseg.audiences.segment_files import read_segment_rules
from streamseg.audiences.segment_rules import SegmentRules
from streamseg.clustering.population import Population
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Layout
from streamseg.language.actions import read_actions
from streamseg.language.segment_text import written
from streamseg.ports import Flush
from streamseg.store.memory import MemoryModelStore, MemoryStateStore
from streamseg.worker.pace import Pace
from streamseg.worker.trainer.segment_catalogue import SegmentCatalogue
from tests.support.declared import segment_rules
from tests.support.partition import SNAPSHOT
from tests.unit.worker.trainer.test_segment_catalogue import SAMPLES

pytestmark = pytest.mark.asyncio

OUTSIDE = "behaviour-outside"
BOUGHT = Population.parse("transactions >= 1")


class Shop:
    """A store, and owners of the trainer role with rules of their own."""

    def __init__(self) -> None:
        self.models, self.state = MemoryModelStore(), MemoryStateStore()
        self.dropped: set[str] = set()

    async def owner(
        self, rule: Population | None, segmentations: Mapping[str, SegmentRules] | None = None
    ) -> SegmentCatalogue:
        made = SegmentCatalogue(
            self.models,
            self.state,
            partitions=1,
            features=catalogue(Layout.of()),
            currency="EUR",
            minor_units=2,
            status=self,
            populations={} if rule is None else {"behaviour": rule},
            segmentations=segmentations,
            pace=Pace(catalogue_refresh=0.0),
        )
        await made.load()
        await made.refresh()
        return made

    def in_shadow(self, segmentation: str) -> bool:
        return False

    def is_dropped(self, segmentation: str) -> bool:
        return segmentation in self.dropped

    async def count(self, sizes: dict[str, int]) -> None:
        head = await self.state.metadata(0) or await self.state.claim(0, "w", "layout", 1)
        await self.state.flush(0, Flush("w", head.flush_number, sizes=sizes))

    async def entry(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((await self.models.catalogue())[OUTSIDE])
        return found


async def test_never_buyers_are_in_the_catalogue_before_there_is_a_model() -> None:
    shop = Shop()
    await shop.count({OUTSIDE: 7})
    await shop.owner(BOUGHT)
    entry = await shop.entry()
    assert (entry["size"], entry["share"], entry["retired"]) == (7, 1.0, None)
    assert entry["declared"] == {"by": "population", "rule": "transactions >= 1"}
    assert entry["label"] == "Visitors who have not bought"
    assert entry["description"].startswith("None of them has bought yet; whoever buys")
    (told,) = written({OUTSIDE: entry}, read_actions(), "nl").values()
    assert told["label"] == "Bezoekers die niet kochten"
    assert "heeft al iets gekocht" in told["description"]
    assert "eerste bestelling" in told["action"]


async def test_they_share_the_total_with_found_segments_and_have_nothing_of_the_value() -> None:
    shop = Shop()
    owner = await shop.owner(BOUGHT)
    await owner.write(SNAPSHOT, SAMPLES)
    await shop.count({OUTSIDE: 30, SNAPSHOT.segments[0]: 10})
    await owner.refresh()
    entry = await shop.entry()
    assert (entry["size"], entry["share"], entry["value_share"]) == (30, 0.75, 0.0)
    assert entry["retired"] is None, "a model does not have it, and does not end it"
    found = json.loads((await shop.models.catalogue())[SNAPSHOT.segments[0]])
    assert (found["share"], found["value_share"], "declared" in found) == (0.25, 1.0, False)


async def test_another_rule_is_told_by_its_text_and_says_nothing_of_value() -> None:
    shop = Shop()
    await shop.owner(BOUGHT)
    created = (await shop.entry())["created"]
    await shop.count({OUTSIDE: 3})
    await shop.owner(Population.parse("profile_age >= 18"))
    entry = await shop.entry()
    assert entry["label"] == "Customers for whom profile_age >= 18 does not hold"
    assert "The rule profile_age >= 18 does not hold for them" in entry["description"]
    assert (entry["value_share"], entry["traits"], entry["created"]) == (None, [], created)


async def test_a_given_name_stays() -> None:
    shop = Shop()
    owner = await shop.owner(BOUGHT)
    await shop.models.rename(OUTSIDE, "Lookers")
    await owner.refresh()
    await shop.owner(BOUGHT)
    assert (await shop.entry())["label"] == "Lookers"


async def test_the_group_ends_with_the_rule_and_with_its_segmentation_and_comes_back_with_the_rule() -> None:
    shop = Shop()
    await shop.owner(BOUGHT)
    await shop.count({OUTSIDE: 3})
    await shop.owner(None)
    ended = await shop.entry()
    assert ended["retired"] is not None
    assert ended["size"] == 0
    back = await shop.owner(BOUGHT)
    assert ((await shop.entry())["retired"], (await shop.entry())["size"]) == (None, 3)
    shop.dropped.add("behaviour")
    await back.refresh()
    assert (await shop.entry())["retired"] is not None
    before = await shop.entry()
    await shop.owner(BOUGHT)
    assert await shop.entry() == before


async def test_segments_with_rules_have_entries_with_size_share_and_texts_in_the_reader_s_language() -> None:
    shop = Shop()
    await shop.count({"status-customer": 30, "status-prospect": 10})
    status = read_segment_rules("status", packs.pack("status").rules or Path())
    await shop.owner(None, {"status": status})
    entries = {one: json.loads(entry) for one, entry in (await shop.models.catalogue()).items()}
    assert {one: (entry["size"], entry["share"]) for one, entry in entries.items()} == {
        "status-customer": (30, 0.75), "status-prospect": (10, 0.25), "status-lapsed": (0, 0.0),
    }  # fmt: skip
    assert entries["status-lapsed"]["label"] == "Lapsed customers"
    assert entries["status-lapsed"]["declared"]["by"] == "rules"
    assert json.loads(entries["status-lapsed"]["declared"]["rule"])["all"][0] == {"event": "purchase"}
    told = {language: written(entries, read_actions(None), language)["status-prospect"] for language in ("nl", "sv")}
    assert (told["nl"]["label"], told["sv"]["label"]) == ("Nog geen klanten", "Ännu inte kunder")
    assert told["nl"]["description"] == "Zij hebben nog niet gekocht."


async def test_without_a_text_the_rule_is_told_and_an_entry_without_its_rule_is_retired() -> None:
    shop = Shop()
    await shop.owner(None, {"status": segment_rules(customer={"event": "purchase"}, rest=None)})
    entries = {one: json.loads(entry) for one, entry in (await shop.models.catalogue()).items()}
    assert entries["status-customer"]["description"] == (
        "They are in it because no rule before holds, and this one does: purchase ever."
    )
    assert entries["status-rest"]["description"] == "They are in it because no rule holds."
    await shop.owner(None, {"status": segment_rules(buyer={"event": "purchase"}, rest=None)})
    entries = {one: json.loads(entry) for one, entry in (await shop.models.catalogue()).items()}
    assert {one: entry["retired"] is None for one, entry in entries.items()} == {
        "status-customer": False, "status-buyer": True, "status-rest": True,
    }  # fmt: skip
