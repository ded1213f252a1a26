"""The comparison of a chaos run sees what it is for: each kind of broken promise, and none where all are kept."""

import numpy as np

from streamseg.clustering.identity import id_of
from streamseg.events.record import MemoryRecord
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.membership.types import MembershipChange
from streamseg.ports import ChangeRecord
from streamseg.repair.redrive import DeadLetter
from streamseg.topics import MEMBERSHIPS, SAMPLES
from tests.chaos.kept_promises import (
    customers_with_events,
    customers_with_values,
    untrue_to_ads,
    wrong_sizes,
    wrongly_set_aside,
)
from tests.support.change_records import changed, removed

LAYOUT = Layout.of(remembered_event_ids=8)
ENTERED = (MembershipChange("behaviour", "behaviour-k7q2", "entered"),)


def stored(segments: dict[str, int], erased: frozenset[str] = frozenset()) -> dict[str, bytes]:
    """Rows of customers in these segments, by code; of erased ones only the marker."""
    rows = Rows(LAYOUT)
    slots = rows.load(list(segments), [None] * len(segments))
    rows.segment[slots, 0] = list(segments.values())
    rows.last_seen[slots] = [-np.inf if one in erased else 1.0 for one in segments]
    rows.erased_at[slots] = 1.0
    return dict(zip(segments, rows.dump(slots), strict=True))


def on_topic(*records: ChangeRecord) -> list[MemoryRecord]:
    return [
        MemoryRecord(MEMBERSHIPS, 0, n, 0, one.key, one.value, tuple(one.headers.items()))
        for n, one in enumerate(records)
    ]


def letter(value: bytes, reason: str = "internal") -> DeadLetter:
    return DeadLetter("streamseg.clicks", 0, len(value), "absorb", reason, "", 0.0, b"c-1", value, ())


def test_a_size_is_wrong_if_it_is_not_the_number_of_rows() -> None:
    rows = stored({"c-1": 11, "c-2": 11, "c-3": 22, "c-4": 0})
    first, second, gone = (id_of("behaviour", code) for code in (11, 22, 33))
    assert wrong_sizes(LAYOUT, rows, {first: 2, second: 1}) == []
    assert wrong_sizes(LAYOUT, rows, {first: 3, second: 1}) == [first]
    assert wrong_sizes(LAYOUT, rows, {first: 2}) == [second]
    assert wrong_sizes(LAYOUT, rows, {first: 2, second: 1, gone: -1}) == [gone]


def test_the_marker_of_an_erasure_is_no_row_with_events() -> None:
    assert customers_with_events(LAYOUT, stored({"c-1": 0, "c-2": 0}, frozenset({"c-1"}))) == {"c-2"}


def test_a_customer_is_on_a_topic_unless_the_last_record_is_a_tombstone() -> None:
    def records(*values: tuple[bytes, bytes | None]) -> list[MemoryRecord]:
        return [MemoryRecord(SAMPLES, 0, n, 0, key, value, ()) for n, (key, value) in enumerate(values)]

    deleted = records((b"behaviour|c-1", b"{}"), (b"behaviour|c-1", None))
    assert customers_with_values(deleted) == set()
    assert customers_with_values(deleted[::-1]) == {"c-1"}
    assert customers_with_values(records((b"value|c-1", b"{}"), (b"behaviour|c-1", None))) == {"c-1"}


def test_ads_must_be_told_of_one_exit_for_each_entry() -> None:
    entered = changed(seq=1, ads=True, changes=ENTERED)
    withdrawn = changed(seq=2, ads=False, before=True, changes=())
    assert untrue_to_ads(on_topic(entered, withdrawn), {"c-81"}) == []
    assert untrue_to_ads(on_topic(entered, withdrawn, entered, withdrawn), {"c-81"}) == []  # delivered again
    assert untrue_to_ads(on_topic(entered), {"c-81"}) == ["c-81"]
    assert untrue_to_ads(on_topic(entered), {"c-82"}) == []
    again = changed(seq=3, ads=False, before=True, changes=())
    assert untrue_to_ads(on_topic(entered, withdrawn, again), {"c-81"}) == ["c-81"]
    assert untrue_to_ads(on_topic(entered, withdrawn, removed(seq=4, ads=False)), {"c-81"}) == []


def test_exactly_the_poisoned_records_must_be_set_aside() -> None:
    assert wrongly_set_aside([letter(b"poison"), letter(b"bad", "not_json")], [b"poison"]) == []
    assert wrongly_set_aside([], [b"poison"]) == ["poisoned record b'poison'"]
    assert wrongly_set_aside([letter(b"poison"), letter(b"good")], [b"poison"]) == ["streamseg.clicks-0@4"]
