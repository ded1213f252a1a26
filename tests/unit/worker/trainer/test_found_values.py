"""Cities that nobody listed are named in descriptions, if more than two customers told them."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streamseg.clustering.sample import Sample
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Attribute, Layout
from streamseg.language.segment_text import written
from streamseg.store.memory import MemoryModelStore, MemoryStateStore
from streamseg.worker.trainer.found_values import found_values, named_groups
from streamseg.worker.trainer.segment_catalogue import SegmentCatalogue
from tests.support.partition import FEATURES, SNAPSHOT
from tests.unit.worker.trainer.test_segment_catalogue import Stage

pytestmark = pytest.mark.asyncio

LAYOUT = Layout.of(attributes=(Attribute("city", found=4),))
NAMES = list(catalogue(LAYOUT))


def sample(n: int, city: str | None, high: bool) -> Sample:
    vector = tuple(90.0 if high else 0.0 for _ in FEATURES)
    texts = {} if city is None else {"city": city}
    observed = tuple(1.0 if name.startswith("profile_city") else 5.0 for name in NAMES)
    return Sample(f"c-{n}", 0.0, vector, 9, 100.0, observed, texts)


async def described(samples: list[Sample]) -> dict[str, Any]:
    models = MemoryModelStore()
    owner = SegmentCatalogue(
        models,
        MemoryStateStore(),
        partitions=1,
        features=catalogue(LAYOUT),
        currency="EUR",
        minor_units=2,
        status=Stage(),
    )
    await owner.write(SNAPSHOT, samples)
    return {segment: json.loads(entry) for segment, entry in (await models.catalogue()).items()}


async def test_a_segment_is_told_by_its_city_in_every_language() -> None:
    cities = ["utrecht"] * 9 + ["malmö"] + ["den haag"] * 10
    samples = [sample(n, city, high=n >= 10) for n, city in enumerate(cities)]
    entries = await described(samples)
    low, high = entries[SNAPSHOT.segments[0]], entries[SNAPSHOT.segments[-1]]
    assert "City: 90% Utrecht." in low["description"]
    assert "City: 100% Den Haag." in high["description"]
    assert high["label"] == "Customers, mostly Den Haag"
    dutch = written(entries, (), "nl")[SNAPSHOT.segments[-1]]
    assert "Den Haag" in dutch["label"]
    told = json.dumps(entries)
    assert "almö" not in told, "one customer told it"
    assert "in_group" not in told.replace('"usual"', ""), "hash groups say nothing to people"


async def test_a_city_that_most_did_not_tell_is_not_said_of_all() -> None:
    samples = [sample(n, "utrecht" if n < 4 else None, high=n >= 10) for n in range(20)]
    entries = await described(samples)
    assert "Utrecht" not in json.dumps(entries[SNAPSHOT.segments[0]]["persona"])


async def test_values_are_counted_in_the_samples_and_missing_ones_are_not_known() -> None:
    features, told = found_values([sample(n, ["a b", "c d", None][n % 3], high=False) for n in range(9)])
    assert list(features) == ["profile_city_a_b", "profile_city_c_d"]
    assert told[:3, 0].tolist()[:2] == [1.0, 0.0]
    assert np.isnan(told[2]).all()
    assert found_values([replace(sample(0, "x", high=False), texts={})])[1].shape == (1, 0)


async def test_a_hash_group_of_categories_has_the_name_that_most_samples_give_it() -> None:
    """Issue 14, number 5: categories found by themselves when none are configured."""
    known = catalogue(Layout.of(category_groups=4))
    names = ["shoes or hats"] * 5 + ["hats"] * 2
    heard = [replace(sample(n, None, high=False), heard={"category_group_2": name}) for n, name in enumerate(names)]
    found = named_groups([*heard, replace(heard[0], heard={"category_group_3": "rare"})], known)
    assert {group: one.name for group, one in found.items()} == {"category_group_2": "category_shoes_or_hats"}
    assert not found["category_group_2"].hashed
    assert found["category_group_2"].unit == "share"


async def test_interests_are_told_by_the_names_that_were_heard() -> None:
    layout = Layout.of(category_groups=4)
    names = list(catalogue(layout))
    made = []
    for n in range(20):
        shares = {"category_group_1": 0.8, "category_group_2": 0.2} if n < 10 else {"category_group_2": 0.9}
        observed = tuple(shares.get(name, 0.0 if name.startswith("category") else None) for name in names)
        heard = {"category_group_1": "yoga mats"} if n < 10 else {"category_group_2": "running shoes"}
        made.append(replace(sample(n, None, high=n >= 10), observed=observed, heard=heard))
    models = MemoryModelStore()
    owner = SegmentCatalogue(
        models, MemoryStateStore(), partitions=1, features=catalogue(layout), currency="EUR", minor_units=2,
        status=Stage(),
    )  # fmt: skip
    await owner.write(SNAPSHOT, made)
    entries = {segment: json.loads(entry) for segment, entry in (await models.catalogue()).items()}
    low, high = entries[SNAPSHOT.segments[0]], entries[SNAPSHOT.segments[-1]]
    assert "They go for yoga mats (80%)." in low["description"]
    assert "They go for running shoes (90%)." in high["description"]
    assert (low["label"], high["label"]) == ("Interested in yoga mats", "Interested in running shoes")
