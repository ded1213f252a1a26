"""Members of a seed are sampled on purpose, and the trainer can tell."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np

from streamseg import pipeline
from streamseg.clustering.likeness.models import LookalikeOf
from streamseg.clustering.sample import RANKS, rank_of
from streamseg.pipeline import SampleValue, SeedsLook
from tests.support.path import DAY, NOW, PathUnderTest, click

NAMES = [f"c-{number:02}" for number in range(40)]
MEMBERS = NAMES[:10]
TENTH = RANKS / 10
OF_SEED = LookalikeOf("seed", "behaviour")


def sampled(path: PathUnderTest, at: float, due: Sequence[str] = (), share: float = 1.0) -> dict[str, SampleValue]:
    """Sample a tenth of the customers at a time, with the members of the seed and those `due` on purpose."""
    slots = np.sort(path.rows.slots_of(NAMES))
    members, moved = (np.isin(slots, path.rows.slots_of(list(names))) for names in (MEMBERS, due))
    seeds = SeedsLook(slots, {OF_SEED: members}, {OF_SEED: moved}, {OF_SEED: share})
    few = [replace(one, sampled_share=0.1) for one in path.segmentations]
    found = pipeline.sample(path.rows, slots, at, few, seeds=seeds)
    return {one.customer_id: msgspec.json.decode(one.value or b"", type=SampleValue) for one in found}


def shop() -> PathUnderTest:
    path = PathUnderTest()
    path.feed(0, *(click(offset, customer=name) for offset, name in enumerate(NAMES)))
    return path


def test_members_are_sampled_beyond_the_uniform_choice_and_say_so() -> None:
    found = sampled(shop(), NOW)
    uniform = {name for name in NAMES if rank_of(name) < TENTH}
    assert found.keys() == uniform | {*MEMBERS}
    assert {name for name, one in found.items() if one.uniform} == uniform
    assert {name for name, one in found.items() if one.seeds == ("seed",)} == {*MEMBERS}


def test_who_enters_or_leaves_is_sampled_at_once() -> None:
    path = shop()
    sampled(path, NOW)
    assert sampled(path, NOW + 0.1 * DAY) == {}
    left = next(name for name in NAMES[10:] if rank_of(name) >= TENTH)
    found = sampled(path, NOW + 0.2 * DAY, due=[MEMBERS[0], left])
    assert {name: one.seeds for name, one in found.items()} == {MEMBERS[0]: ("seed",), left: ()}
    assert not found[left].uniform, "the trainer forgets who left and is not of the uniform choice"


def test_a_large_seed_is_sampled_in_part() -> None:
    found = sampled(shop(), NOW, share=0.5)
    chosen = {name for name in MEMBERS if rank_of(name) < RANKS / 2}
    assert 0 < len(chosen) < len(MEMBERS)
    assert {name for name, one in found.items() if one.seeds} == chosen
