"""Segmentations are promoted and dropped only when that makes sense, and compared on all stored rows."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from streamseg.clustering.identity import code_of
from streamseg.errors import NotFoundError, SettingsError, StreamsegError
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows, Slots
from streamseg.service.audience_rows import Rest
from streamseg.service.segmentations import (
    PROMOTION_DELAY_SECONDS,
    compare_segmentations,
    drop,
    promote,
    segmentations_to_compare,
)
from streamseg.store.memory import MemoryModelStore, MemoryStateStore
from tests.support.partition import SNAPSHOT
from tests.support.rows import NOON, Slab, click
from tests.support.stored_rows import store_rows

pytestmark = pytest.mark.asyncio

SHADOW = {"behaviour": False, "value": True}
LAYOUT = Layout.of(segmentations=("behaviour", "value"))


async def test_a_promotion_starts_a_little_later_and_is_kept_when_repeated() -> None:
    models = MemoryModelStore()
    await models.publish("value", 1, 0, SNAPSHOT.to_json())
    assert await promote(models, SHADOW, "value", 1_000.7) == 1_000 + PROMOTION_DELAY_SECONDS
    assert await promote(models, SHADOW, "value", 2_000.0) == 1_000 + PROMOTION_DELAY_SECONDS
    assert await models.promoted() == {"value": 1_000 + PROMOTION_DELAY_SECONDS}


@pytest.mark.parametrize(
    ("name", "why"),
    [("taste", "no segmentation taste; there are behaviour, value"), ("behaviour", "not in shadow")],
)
async def test_only_a_declared_shadow_can_be_promoted(name: str, why: str) -> None:
    models = MemoryModelStore()
    await models.publish(name, 1, 0, SNAPSHOT.to_json())
    with pytest.raises(StreamsegError, match=why):
        await promote(models, SHADOW, name, 1_000.0)
    assert await models.promoted() == {}


@pytest.mark.parametrize("warming_up", [True, False])
async def test_a_segmentation_without_segments_cannot_be_promoted(*, warming_up: bool) -> None:
    models = MemoryModelStore()
    if warming_up:
        await models.publish("value", 1, 0, replace(SNAPSHOT, centres=(), segments=(), counts=()).to_json())
    with pytest.raises(StreamsegError, match="no segments yet"):
        await promote(models, SHADOW, "value", 1_000.0)
    assert await models.promoted() == {}


async def test_one_with_rules_has_segments_from_the_start_and_can_be_promoted() -> None:
    models = MemoryModelStore()
    assert await promote(models, SHADOW, "value", 1_000.0, learned=("behaviour",)) > 1_000


async def test_a_segmentation_is_dropped_unless_it_is_unknown_or_the_only_one() -> None:
    models = MemoryModelStore()
    await drop(models, list(SHADOW), "value", 1_000.7)
    assert await models.dropped() == {"value": 1_000}
    with pytest.raises(NotFoundError, match="no segmentation taste"):
        await drop(models, list(SHADOW), "taste", 1_000.0)
    with pytest.raises(SettingsError, match="only segmentation"):
        await drop(models, ["behaviour"], "behaviour", 1_000.0)
    assert await models.dropped() == {"value": 1_000}


async def test_a_comparison_counts_who_would_change_segment() -> None:
    state = MemoryStateStore()
    customers = [f"c-{n}" for n in range(5)]
    slab = Slab(LAYOUT, customers)
    slab.feed([click(NOON) for _ in customers], range(5))
    segments: dict[str, list[str | None]] = {
        "behaviour": ["aaaa", "aaaa", "aaaa", "bbbb", None],
        "value": ["cccc", "cccc", "dddd", "dddd", "cccc"],
    }
    for column, (name, letters) in enumerate(segments.items()):
        slab.rows.segment[slab.all, column] = [0 if one is None else code_of(f"{name}-{one}") for one in letters]
    await store_rows(state, LAYOUT, dict(zip(customers, slab.stored(), strict=True)))
    found = await compare_segmentations(state, LAYOUT, "behaviour", "value")
    assert (found.customers, found.only_old, found.only_new, found.moved) == (4, 0, 1, 1)
    assert {one.segment: one.counterpart for one in found.segments} == {
        "value-cccc": "behaviour-aaaa",
        "value-dddd": "behaviour-bbbb",
    }
    (flow,) = found.flows
    assert (flow.old, flow.new, flow.customers) == ("behaviour-aaaa", "value-dddd", 1)


async def test_segmentations_are_compared_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of all customers need not fit into memory."""
    state, customers, held = MemoryStateStore(), [f"c-{n}" for n in range(2_000)], list[int]()
    slab = Slab(LAYOUT, tuple(customers))
    slab.feed([click(NOON)] * len(customers), range(len(customers)))
    slab.rows.segment[slab.all, 0] = code_of("behaviour-aaaa")
    slab.rows.segment[slab.all, 1] = code_of("value-cccc")
    await store_rows(state, LAYOUT, dict(zip(customers, slab.stored(), strict=True)))
    load = Rows.load

    def counted(rows: Rows, customer_ids: Sequence[str], stored: Sequence[bytes | None]) -> Slots:
        slots = load(rows, customer_ids, stored)
        held.append(len(rows))
        return slots

    monkeypatch.setattr(Rows, "load", counted)
    found = await compare_segmentations(state, LAYOUT, "behaviour", "value", rest=Rest(rows=50))
    assert (found.customers, found.moved) == (2_000, 0)
    assert max(held) < 200


async def test_only_declared_segmentations_are_compared() -> None:
    with pytest.raises(NotFoundError, match="no segmentation taste"):
        await compare_segmentations(MemoryStateStore(), LAYOUT, "behaviour", "taste")


async def test_a_dropped_segmentation_cannot_be_promoted() -> None:
    """Issue 13, item 24: `promote` after `drop` said that it would be public."""
    models = MemoryModelStore()
    await models.publish("value", 1, 0, SNAPSHOT.to_json())
    await drop(models, list(SHADOW), "value", 1_000.0)
    for shadow in (SHADOW, {"behaviour": False, "value": False}):
        with pytest.raises(StreamsegError, match="value was dropped for good"):
            await promote(models, shadow, "value", 2_000.0)
    assert await models.promoted() == {}


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ((None, None), ("behaviour", "worth")),
        ((None, "value"), ("behaviour", "value")),
        (("value", None), ("value", "worth")),
        (("worth", None), ("worth", "value")),
        ((None, "behaviour"), ("value", "behaviour")),
    ],
)
async def test_a_comparison_picks_what_exists(given: tuple[str | None, str | None], chosen: tuple[str, str]) -> None:
    """Issue 13, item 25: `segments diff` picks what exists."""
    shadow = {"gone": False, "behaviour": False, "value": False, "worth": True}
    assert segmentations_to_compare(shadow, (), ("gone",), *given) == chosen


async def test_a_promoted_shadow_counts_as_public_in_a_comparison() -> None:
    shadow = {"old": True, "new": True}
    assert segmentations_to_compare(shadow, ("old",), (), None, None) == ("old", "new")
    assert segmentations_to_compare(shadow, ("new",), (), None, None) == ("new", "old")


async def test_a_comparison_needs_two_segmentations() -> None:
    for given, why in (((None, None), "only the segmentation"), (("value", "value"), "itself")):
        with pytest.raises(SettingsError, match=why):
            segmentations_to_compare({"value": False}, (), (), *given)
    with pytest.raises(NotFoundError, match="no segmentation x"):
        segmentations_to_compare({"value": False}, (), (), "x", None)
