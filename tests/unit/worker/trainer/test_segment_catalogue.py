"""The public catalogue stays true whoever writes it: sizes, names, shadow, and what was given up."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from streamseg.clustering.description.rfm import RfmBorders
from streamseg.clustering.handover import Handover
from streamseg.clustering.identity import id_of
from streamseg.clustering.sample import Sample
from streamseg.clustering.snapshot import WarmUp
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Layout
from streamseg.language import messages, segment_text
from streamseg.language.amounts import share
from streamseg.ports import Flush
from streamseg.store.memory import MemoryModelStore, MemoryStateStore
from streamseg.time_units import DAY_SECONDS
from streamseg.worker.pace import Pace
from streamseg.worker.trainer.segment_catalogue import SegmentCatalogue
from tests.support.partition import FEATURES, SNAPSHOT

NAMES = list(catalogue(Layout.of()))


def observed(n: int, **given: float) -> tuple[float | None, ...]:
    """What was observed of the n-th customer: a buyer of n % 7 + 1 orders, the latest n % 11 + 1 days ago."""
    told = {"purchase_recency": n % 11 + 1.0, "transactions": n % 7 + 1.0, "lifetime_spend": 10.0 * (n % 7 + 1)}
    return tuple((told | given).get(name) for name in NAMES)


SAMPLES = [
    Sample(f"c-{n}", 0.0, tuple(float(n % 10 * 5) for _ in FEATURES), 9, 100.0 * (1 + n % 10), observed(n))
    for n in range(30)
]

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
            currency="EUR",
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


async def test_all_sizes_and_shares_are_of_one_moment_and_agree_with_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Issue 14, number 2: "615 customers, 1 % of value", "0 customers, 19 % of value"."""
    stage = await described()
    clock = iter(range(1_000, 2_000))
    monkeypatch.setattr("streamseg.worker.trainer.segment_catalogue.time.time", lambda: next(clock))
    owner = stage.owner()
    await owner.load()
    one, other = SNAPSHOT.segments[0], SNAPSHOT.segments[-1]
    for sizes in ({one: 90, other: 10}, {one: 0, other: 12}, {one: 5, other: 90}):
        await stage.count(0, sizes)
        await owner.refresh()
        entries = await stage.entries()
        assert len({entry["as_of"] for entry in entries.values()}) == 1
        worth = sum(entry["size"] * (entry["mean_value"] or 0.0) for entry in entries.values())
        for entry in entries.values():
            if entry["mean_value"] is None:
                assert entry["value_share"] is None
            else:
                expected = entry["size"] * entry["mean_value"] / worth
                assert entry["value_share"] == pytest.approx(expected, abs=1e-4)
                told = f"and bring {share(messages('en'), entry['value_share'])} of these customers' money"
                assert (told in entry["description"]) == (entry["size"] > 0)
    before = await stage.entries()
    await owner.refresh()
    assert await stage.entries() == before, "nothing changed, so the moment still holds"


async def test_a_segment_without_sampled_members_is_not_described_yet() -> None:
    """Issue 14, number 2."""
    stage = Stage()
    few = [one for one in SAMPLES if sum(one.vector) == 0]
    await stage.count(0, dict.fromkeys(SNAPSHOT.segments, 50))
    await stage.owner().write(SNAPSHOT, few)
    entries = await stage.entries()
    missing = [entry for entry in entries.values() if not entry["described"]]
    assert len(missing) == len(SNAPSHOT.segments) - 1
    for entry in missing:
        assert entry["size"] == 50
        assert entry["value_share"] is None
        assert entry["description"] == "Not described yet: too few of its customers are in the sample."


@pytest.mark.parametrize(
    ("warm_up", "learned_until", "early"),
    [
        (WarmUp(60, 60, 7.0, 20), 3.0, True),
        (WarmUp(30, 60, 20.0, 20), 3.0, True),
        (WarmUp(60, 60, 20.0, 20), 3.0, False),
        (WarmUp(60, 60, 7.0, 20), 14.0, False),
    ],
)
async def test_a_model_made_early_of_too_little_is_said_to_be_provisional(
    warm_up: WarmUp, learned_until: float, *, early: bool
) -> None:
    """Issue 14: the end of a short history places a model of few events. Later, few events are all that there are."""
    stage, ends = Stage(), 1_717_372_800.0
    made = replace(
        SNAPSHOT,
        warm_up=warm_up,
        learned_until=ends + (learned_until - 14.0) * DAY_SECONDS,
        warm_up_ends_at=ends,
    )
    await stage.owner().write(made, SAMPLES)
    for entry in (await stage.entries()).values():
        assert entry["provisional_until"] == (int(ends) if early else None)
        for language, sentence in {
            "en": "Provisional: made of few events or customers, so it may still change much until 2024-06-03.",
            "nl": "Voorlopig: gemaakt uit weinig gebeurtenissen of klanten, dus kan het tot 2024-06-03 nog veel"
            " veranderen.",
            "sv": "Preliminärt: gjort av få händelser eller kunder, så det kan ändras mycket fram till 2024-06-03.",
        }.items():
            assert segment_text.description(entry, language).endswith(sentence) == early
    await stage.owner().write(replace(SNAPSHOT, learned=9), SAMPLES)
    assert {entry["provisional_until"] for entry in (await stage.entries()).values()} == {None}


async def test_a_label_is_kept_by_the_next_owner_of_the_role() -> None:
    stage = await described()
    first = {segment: entry["label_words"] for segment, entry in (await stage.entries()).items()}
    await stage.owner().write(SNAPSHOT, SAMPLES)
    assert {segment: entry["label_words"] for segment, entry in (await stage.entries()).items()} == first


async def test_rfm_has_one_set_of_borders_for_the_shop_measured_once_a_day() -> None:
    """Issue 14, number 1: one name for a customer in every segmentation."""
    stage = Stage()
    owner = stage.owner()
    await owner.write(SNAPSHOT, SAMPLES)
    first = RfmBorders.from_json(await stage.models.rfm())
    assert first is not None
    assert first.buyers == 30
    rfm = [entry["rfm"] for entry in (await stage.entries()).values() if entry["described"]]
    assert all(rfm)
    other = replace(SNAPSHOT, segmentation="value", segments=tuple(id_of("value", n) for n in range(1, 5)))
    soon = [replace(one, at=3_600.0, observed=observed(n, transactions=9.0)) for n, one in enumerate(SAMPLES)]
    await owner.write(other, soon)
    assert RfmBorders.from_json(await stage.models.rfm()) == first, "an hour later they are the same"
    tomorrow = [replace(one, at=90_000.0, observed=observed(n, transactions=9.0)) for n, one in enumerate(SAMPLES)]
    await owner.write(other, tomorrow)
    later = RfmBorders.from_json(await stage.models.rfm())
    assert later is not None
    assert (later.purchases, later.buyers) == ((9.0,) * 4, 30), "each customer once, by the latest sample"


async def test_a_retired_segment_has_no_members_and_no_value() -> None:
    stage = await described()
    one, other = SNAPSHOT.segments[0], SNAPSHOT.segments[-1]
    await stage.count(0, {one: 90, other: 10})
    owner = stage.owner()
    await owner.load()
    await owner.refresh()
    assert (await stage.entries())[other]["value_share"] > 0
    fewer = replace(SNAPSHOT, segments=SNAPSHOT.segments[:-1], centres=SNAPSHOT.centres[:-1], last_challenge_at=7.0)
    await owner.write(fewer, SAMPLES)
    retired = (await stage.entries())[other]
    assert (retired["retired"], retired["size"], retired["share"], retired["value_share"]) == (7, 0, 0.0, None)
    assert "of these customers' money" not in retired["description"]


async def test_a_closing_segment_keeps_its_members_and_says_until_when() -> None:
    stage = await described()
    one, other = SNAPSHOT.segments[0], SNAPSHOT.segments[-1]
    await stage.count(0, {one: 90, other: 10})
    owner = stage.owner()
    await owner.load()
    handover = Handover(SNAPSHOT.segments, SNAPSHOT.centres, 100.0, 800.0)
    fewer = replace(SNAPSHOT, segments=SNAPSHOT.segments[:-1], centres=SNAPSHOT.centres[:-1], handover=handover)
    await owner.write(fewer, SAMPLES)
    entries = await stage.entries()
    assert (entries[other]["closes"], entries[other]["retired"], entries[other]["size"]) == (800, None, 10)
    assert entries[one]["closes"] is None
    await owner.write(replace(fewer, handover=None, last_challenge_at=900.0), SAMPLES)
    assert ((await stage.entries())[other]["retired"], (await stage.entries())[other]["size"]) == (900, 0)


async def test_entries_of_an_older_version_are_kept_up_to_date() -> None:
    stage = Stage()
    one = SNAPSHOT.segments[0]
    old = {"segmentation": "behaviour", "label": "Our best", "generated_label": "Frequent buyers", "retired": None,
           "description": "They buy more.", "size": 1, "share": 1.0, "value_share": 0.5, "shadow": False}  # fmt: skip
    await stage.models.write_catalogue({one: json.dumps(old).encode()})
    await stage.models.rename(one, "Our best")
    await stage.count(0, {one: 5})
    owner = stage.owner()
    await owner.load()
    await owner.refresh()
    entry = (await stage.entries())[one]
    assert (entry["label"], entry["generated_label"], entry["size"]) == ("Our best", "Frequent buyers", 5)
    assert (entry["description"], entry["value_share"]) == ("They buy more.", 0.5)


async def retired(stage: Stage, count: int, days_ago: int) -> list[str]:
    """Add entries of segments that retired so many days ago."""
    (entry, *_) = (await stage.entries()).values()
    at = int(time.time()) - days_ago * DAY_SECONDS
    old = {
        id_of("behaviour", 100 * days_ago + n): entry | {"retired": at, "as_of": at, "size": 0, "value_share": None}
        for n in range(count)
    }
    await stage.models.write_catalogue({segment: json.dumps(one).encode() for segment, one in old.items()})
    return list(old)


async def test_entries_of_retired_segments_end_after_400_days_with_their_names() -> None:
    stage = await described()
    living, kept, ended = list(await stage.entries()), await retired(stage, 2, 399), await retired(stage, 2, 401)
    for segment in (kept[0], ended[0]):
        await stage.models.rename(segment, "Ours")
    owner = stage.owner()
    await owner.load()
    await owner.refresh()
    assert (await stage.entries()).keys() == {*living, *kept}
    assert (await stage.models.names()).keys() == {kept[0]}
    assert (await stage.entries())[kept[0]]["label"] == "Ours"


async def test_a_refresh_writes_no_text_of_segments_that_retired_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their number grows with every birth and end, while those that live stay few."""
    stage = await described()
    living = len(await stage.entries())
    await retired(stage, 200, 10)
    owner, written = stage.owner(), list[str]()
    await owner.load()
    await owner.refresh()
    describe = segment_text.description

    def counted(entry: Mapping[str, Any], language: str = "en", labels: Mapping[str, str] | None = None) -> str:
        written.append(str(entry["label"]))
        return describe(entry, language, labels)

    monkeypatch.setattr(segment_text, "description", counted)
    await owner.refresh()
    assert len(written) == living
