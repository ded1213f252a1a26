"""FitGear: repeatable, in order of time, valid for the decoder, and consistent with its truth."""

import hashlib
import json
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from streamseg.errors import SettingsError
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import MemoryRecord
from streamseg.sources.event import TOPIC_OF_KIND, SourceEvent
from streamseg.sources.fitgear import FitGear
from streamseg.sources.fitgear.archetypes import ARCHETYPES, LABELS
from streamseg.sources.sending import record_of
from streamseg.sources.truth import labels_at

END = 1_750_000_123.0
DAY = 86_400.0


@pytest.fixture(scope="module")
def shop() -> FitGear:
    return FitGear(300, 40, seed=7, ends_at=END, drift=20)


@pytest.fixture(scope="module")
def history(shop: FitGear) -> list[SourceEvent]:
    return list(shop)


def digest(events: list[SourceEvent]) -> str:
    return hashlib.sha256(b"\n".join(event.value for event in events)).hexdigest()


def test_the_same_seed_and_end_give_the_same_bytes(shop: FitGear, history: list[SourceEvent]) -> None:
    assert digest(list(shop)) == digest(history), "a second iteration"
    assert digest(list(FitGear(300, 40, seed=7, ends_at=END, drift=20))) == digest(history)
    assert digest(list(FitGear(300, 40, seed=8, ends_at=END, drift=20))) != digest(history)


def test_events_are_ordered_by_time_and_occur_before_the_end(history: list[SourceEvent]) -> None:
    assert all(one.occurred_at <= other.occurred_at for one, other in pairwise(history))
    assert history[0].occurred_at >= END - 40 * DAY
    assert END - DAY < history[-1].occurred_at < END


def test_event_ids_are_unique(history: list[SourceEvent]) -> None:
    assert len({event.event_id for event in history}) == len(history)


def test_every_event_is_accepted_by_the_decoder(history: list[SourceEvent]) -> None:
    decoder = Decoder(Money("EUR", 2))
    for number, kind in enumerate(TOPIC_OF_KIND):
        of_kind = [event for event in history if event.kind == kind]
        sent = [record_of(event) for event in of_kind]
        records = [
            MemoryRecord(one.topic, 0, offset, int(END * 1000), one.key, one.value, one.headers)
            for offset, one in enumerate(sent)
        ]

        decoded = decoder.decode_run(number, records)

        assert decoded.rejected == []
        assert [event.customer_id for event in decoded.events] == [event.customer_id for event in of_kind]
        assert [event.at for event in decoded.events] == pytest.approx(
            [event.occurred_at for event in of_kind], abs=1e-3
        )


def test_the_truth_has_every_customer_and_the_time_of_each_change(shop: FitGear, history: list[SourceEvent]) -> None:
    rows = shop.truth()
    before, after = labels_at(rows, END - 21 * DAY), labels_at(rows, END)
    assert set(before) == set(after) == {event.customer_id for event in history}
    assert set(before.values()) == set(LABELS)
    assert "Bargain Hunters" not in after.values()
    movers = {customer for customer in before if before[customer] != after[customer]}
    assert movers == {row.customer_id for row in rows if row.since is not None}
    assert all(END - 20 * DAY <= row.since < END - 17 * DAY for row in rows if row.since is not None)


def test_customers_of_the_new_archetype_join_after_the_drift(shop: FitGear, history: list[SourceEvent]) -> None:
    born = {row.customer_id for row in shop.truth() if row.label == "Gift Givers"}
    assert len(born) == 30
    assert min(event.occurred_at for event in history if event.customer_id in born) >= END - 20 * DAY


@pytest.mark.slow
def test_archetypes_buy_and_spend_as_declared() -> None:
    shop = FitGear(1_000, 60, seed=3, ends_at=END)
    label = labels_at(shop.truth(), END)
    members = Counter(label.values())
    bought: Counter[str] = Counter()
    spent: dict[str, float] = defaultdict(float)
    for event in shop:
        body = json.loads(event.value)
        if body.get("event_name") == "purchase":
            bought[label[event.customer_id]] += 1
            spent[label[event.customer_id]] += body["value"]
    weeks = 60 / 7
    per_week = {name: bought[name] / members[name] / weeks for name in members}
    assert 0.5 < per_week["Daily Athletes"] < 1.5
    assert 1 / 9 < per_week["Weekend Warriors"] < 1 / 2.5
    assert 1.0 <= bought["Beginners"] / members["Beginners"] < 1.5
    assert bought["Window Shoppers"] / members["Window Shoppers"] < 0.5
    athletes = spent["Daily Athletes"] / members["Daily Athletes"]
    assert all(athletes > 2 * spent[name] / members[name] for name in members if name != "Daily Athletes")


def test_shares_of_the_archetypes_add_up_to_one() -> None:
    assert sum(archetype.share for archetype in ARCHETYPES) == pytest.approx(1.0)


@pytest.mark.parametrize(("customers", "days", "drift"), [(0, 10, None), (10, 0, None), (10, 10, 10), (10, 10, 0)])
def test_invalid_arguments_are_refused(customers: int, days: int, drift: int | None) -> None:
    with pytest.raises(SettingsError):
        FitGear(customers, days, 1, ends_at=END, drift=drift)
