"""Names of hash groups of categories are heard in bounded memory, and ride on samples; rows do not hold them."""

import json

import numpy as np

from streamseg import pipeline
from streamseg.features.layout import Layout
from streamseg.features.vector import vectors
from streamseg.features.words.heard import NAMES, HeardNames, category_group
from tests.support.path import NOW, PathUnderTest, record
from tests.support.rows import NOON, Slab, click, item

LAYOUT = Layout.of(category_groups=16)


def test_a_group_is_told_by_the_names_that_cover_most_of_it() -> None:
    heard = HeardNames()
    heard.hear(["Yoga Mats"] * 6 + ["shoes"] * 3 + ["rare"], 1)
    assert heard.names_of(0) == "yoga mats or shoes"
    heard.hear(["yoga mats"] * 30, 1)
    assert heard.names_of(0) == "yoga mats"
    assert heard.names_of(1) is None


def test_a_group_of_many_equal_names_has_none_and_memory_is_bounded() -> None:
    heard = HeardNames()
    heard.hear([f"category {n}" for n in range(5_000)], 1)
    assert heard.names_of(0) is None
    assert len(heard._counts[0]) == NAMES
    heard.hear(["shoes"] * 50_000, 1)
    assert heard.names_of(0) == "shoes", "a frequent name comes to the top"


def test_names_without_letters_are_no_categories() -> None:
    assert category_group("--", 16) is None
    assert category_group(None, 16) is None
    assert category_group("Yoga Mats", 16) == category_group("yoga-mats", 16)


def test_interests_are_found_without_a_list_of_categories() -> None:
    slab = Slab(LAYOUT)
    slab.feed([click(NOON, items=[item(item_category="Yoga Mats")]) for _ in range(9)])
    own = f"category_group_{category_group('yoga mats', 16)}"
    shares = dict(zip([f"category_group_{n}" for n in range(16)], vectors(
        slab.rows, slab.all, NOON, [f"category_group_{n}" for n in range(16)])[0].tolist(), strict=True))  # fmt: skip
    assert max(shares, key=lambda name: shares[name]) == own
    (favourite,) = vectors(slab.rows, slab.all, NOON, ["favourite_category_share"])[0]
    assert favourite > 0.6


def test_a_sample_has_the_names_of_the_customers_strongest_groups_and_a_row_has_none() -> None:
    path = PathUnderTest(layout=LAYOUT)
    items = [{"item_id": "a", "item_category": "Yoga Mats"}, {"item_id": "b", "item_category": "Yoga Mats"},
             {"item_id": "c", "item_category": "Shoes"}]  # fmt: skip
    path.feed(0, record(0, 0, event_name="view_item", items=items))
    (one,) = pipeline.sample(path.rows, path.rows.slots_of(["c-1"]), NOW, path.segmentations)
    assert one.value is not None
    assert json.loads(one.value)["heard"] == {
        f"category_group_{category_group('yoga mats', 16)}": "yoga mats",
        f"category_group_{category_group('shoes', 16)}": "shoes",
    }
    other = PathUnderTest(layout=LAYOUT)
    other.rows.heard.hear(["Yachts"] * 9, 16)
    other.feed(0, record(0, 0, event_name="view_item", items=items))
    assert len(pipeline.sample(other.rows, other.rows.slots_of(["c-1"]), NOW, other.segmentations)) == 1
    slots = np.zeros(1, dtype=np.intp)
    assert other.rows.dump(slots) == path.rows.dump(slots)
