"""FitGear, as its story tells it: the segments are found without hints, and each says what it is like.

Issue 14, number 7. Asserted on meaning: category, cadence, price, suggested action; not on words.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pytest

from streamseg.clustering.assign import Assigner
from streamseg.clustering.description.describe import Sampled, SegmentDescription, describe
from streamseg.clustering.description.rfm import measure_borders
from streamseg.evaluation.in_process_worker import InProcessWorker
from streamseg.features.catalogue import catalogue
from streamseg.features.vector import observed
from streamseg.language.actions import Action, read_actions, suggested
from streamseg.settings import FeatureSettings, SegmentationSettings, Settings
from streamseg.sources.fitgear import FitGear
from streamseg.sources.fitgear.goods import CATEGORIES

pytestmark = pytest.mark.slow

ENDS_AT = 1_795_000_000.0
FLUSH_SECONDS = 8 * 3600


@dataclass(frozen=True)
class Found:
    """A described segment and the archetype that most of its members are of."""

    archetype: str
    purity: float
    described: SegmentDescription

    def said(self, key: str) -> Mapping[str, Any]:
        """Return the facts of a message; empty without it."""
        return next((one.get("facts", {"": None}) for one in self.described.persona if one["key"] == key), {})

    @property
    def goods(self) -> str:
        return str(self.said("goods").get("names", {"names": [""]})["names"][0])

    @property
    def orders_in_30_days(self) -> float:
        return float(self.said("orders").get("often", {"often": 0.0})["often"])

    @property
    def item_price(self) -> tuple[float, float]:
        low, high = self.said("item_price")["money"]["money"]
        return low, high

    @property
    def action(self) -> Action | None:
        return suggested(self.described.traits, read_actions(), [self.goods])


@pytest.fixture(scope="module", name="found")
def _found() -> list[Found]:
    settings = Settings(
        segmentations={"interests": SegmentationSettings(pack="psychographic")},
        features=FeatureSettings(categories=tuple(CATEGORIES)),
    )
    worker, shop = InProcessWorker(settings, 1), FitGear(350, 45, 3, ends_at=ENDS_AT)
    for _, events in groupby(shop, lambda event: event.occurred_at // FLUSH_SECONDS):
        flush = list(events)
        worker.flush(flush, flush[-1].occurred_at)
    worker.sweep(ENDS_AT)
    slots = worker.assignable()
    ids, seen = [worker.rows.customer_ids[slot] for slot in slots.tolist()], observed(worker.rows, slots, ENDS_AT)
    known = catalogue(worker.rows.layout)
    days, orders, money = (
        seen[:, list(known).index(name)] for name in ("purchase_recency", "transactions", "lifetime_spend")
    )
    vectors, snapshot = worker.vectors(slots, ENDS_AT), worker.learner.snapshot()
    nearest = Assigner(snapshot).assign(vectors).nearest
    truth = {row.customer_id: row.label for row in shop.truth()}
    described = describe(
        snapshot,
        Sampled(ids, vectors, money, seen),
        known,
        currency="EUR",
        borders=measure_borders(days, orders, money, ENDS_AT),
    )
    listed = []
    for index, one in enumerate(described):
        of = Counter(truth[ids[i]] for i in np.flatnonzero(nearest == index).tolist())
        (archetype, count), *_ = of.most_common(1)
        listed.append(Found(archetype, count / of.total(), one))
    return listed


def the(found: list[Found], archetype: str) -> Found:
    return max((one for one in found if one.archetype == archetype), key=lambda one: one.described.described)


def test_the_three_archetypes_of_the_story_are_segments(found: list[Found]) -> None:
    for archetype in ("Daily Athletes", "Weekend Warriors", "Beginners"):
        assert the(found, archetype).purity >= 0.85, archetype


def test_daily_athletes_buy_performance_gear_weekly_and_hear_of_news_first(found: list[Found]) -> None:
    daily = the(found, "Daily Athletes")
    assert daily.goods == "performance gear"
    assert 3.0 <= daily.orders_in_30_days < 6.0, "about once a week"
    assert daily.item_price[0] > 2 * the(found, "Weekend Warriors").item_price[0]
    assert daily.action is not None
    assert daily.action.name == "news_first"
    assert daily.described.rfm is not None
    assert max(daily.described.rfm.names, key=daily.described.rfm.names.__getitem__) == "Champions"


def test_weekend_warriors_buy_leisure_wear_at_a_price_and_get_bundles(found: list[Found]) -> None:
    warriors = the(found, "Weekend Warriors")
    assert warriors.goods == "leisure wear"
    assert warriors.said("weekend")["share"]["share"] > 0.7
    assert warriors.item_price[1] < the(found, "Daily Athletes").item_price[0]
    assert warriors.said("discount"), "casual goods at a price"
    assert warriors.action is not None
    assert warriors.action.name == "bundles"


def test_beginners_bought_one_basic_set_and_are_welcomed(found: list[Found]) -> None:
    beginners = the(found, "Beginners")
    assert beginners.goods == "basic sets"
    assert beginners.said("ordered_once_ago")
    assert beginners.action is not None
    assert beginners.action.name == "welcome"


def test_every_segment_differs_from_its_nearest_other_in_numbers(found: list[Found]) -> None:
    for one in found:
        assert one.described.apart
        assert one.described.apart_from_nearest
        assert len(one.described.representatives) == 3
