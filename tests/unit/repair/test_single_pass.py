"""The single pass finds the events that rows lost or doubled and the fields that differ, and nothing else."""

import random

import msgspec
import numpy as np
import pytest

from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import MemoryRecord
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.features.update import Source, absorb
from streamseg.repair.single_pass import SinglePass, last_applied_offsets
from streamseg.sources.event import rfc3339
from streamseg.topics import INPUT_TOPICS

NOON = 1_717_416_000.0
LAYOUT = Layout.of(remembered_event_ids=4)
MONEY = Money("EUR")
DECODER = Decoder(MONEY)


def record(source: Source, offset: int, customer: str, at: float, **fields: object) -> MemoryRecord:
    value = {"event_id": f"{source}-{offset}", "customer_id": customer, "occurred_at": rfc3339(NOON + at)} | fields
    topic = INPUT_TOPICS[source]
    return MemoryRecord(topic, 0, offset, int((NOON + 3_600) * 1000), customer.encode(), msgspec.json.encode(value))


def clicks(customers: int, each: int) -> list[MemoryRecord]:
    drawn = [f"c-{customer}" for customer in range(customers) for _ in range(each)]
    random.Random(1).shuffle(drawn)
    return [
        record(Source.CLICKS, offset, customer, offset * 7.0, event_name="view_item")
        for offset, customer in enumerate(drawn)
    ]


def purchase(offset: int, customer: str, at: float, value: float = 12.5) -> MemoryRecord:
    money = {"currency": "EUR", "value": value, "transaction_id": f"t-{offset}"}
    return record(Source.PURCHASES, offset, customer, at, **money)


class Live:
    """Rows as a worker builds them, batch by batch."""

    def __init__(self) -> None:
        self.rows = Rows(LAYOUT)

    def absorb(self, source: Source, records: list[MemoryRecord]) -> None:
        decoded = DECODER.decode_run(source, records)
        assert not decoded.rejected
        customers = [event.customer_id for event in decoded.events]
        missing = self.rows.missing(customers)
        self.rows.load(missing, [None] * len(missing))
        offsets = np.array(decoded.offsets, dtype=np.int64)
        absorb(self.rows, source, self.rows.slots_of(customers), offsets, decoded.events, MONEY)

    def stored(self) -> dict[str, bytes]:
        customers = list(self.rows.slots)
        return dict(zip(customers, self.rows.dump(self.rows.slots_of(customers)), strict=True))


def replayed(live: dict[str, bytes], log: dict[Source, list[MemoryRecord]]) -> SinglePass:
    replay = SinglePass(LAYOUT, DECODER, MONEY, lambda _: True)
    last_applied = last_applied_offsets(LAYOUT, live)
    for source in sorted(log, reverse=True):  # erasures first
        replay.take(source, log[source], last_applied[source])
    return replay


def kinds(live: dict[str, bytes], log: dict[Source, list[MemoryRecord]]) -> list[tuple[str, str, str]]:
    return sorted((one.customer_id, one.field, one.kind) for one in replayed(live, log).compare(live))


def test_rows_built_in_batches_equal_the_single_pass_up_to_their_last_applied_offsets() -> None:
    log = {Source.CLICKS: clicks(20, 15), Source.PURCHASES: [purchase(n, f"c-{n % 20}", n * 31.0) for n in range(60)]}
    live = Live()
    for start in range(0, 250, 50):  # the last 50 clicks are not absorbed yet
        live.absorb(Source.CLICKS, log[Source.CLICKS][start : start + 50])
        live.absorb(Source.PURCHASES, log[Source.PURCHASES][start // 5 : start // 5 + 10])
    replay = replayed(live.stored(), log)
    assert replay.compare(live.stored()) == []
    assert replay.events == 250 + 50


def test_a_missing_event_is_lost_and_a_surplus_event_is_doubled() -> None:
    log = {Source.CLICKS: clicks(3, 5)}
    live = Live()
    gone = next(one for one in log[Source.CLICKS] if one.key == b"c-1")
    live.absorb(Source.CLICKS, [one for one in log[Source.CLICKS] if one is not gone])
    live.rows.events[live.rows.slots["c-2"]] += 1
    found = kinds(live.stored(), log)
    assert ("c-1", "events", "lost") in found
    assert ("c-2", "events", "doubled") in found
    assert not [one for one in found if one[0] == "c-0"]


def test_a_duplicate_that_the_row_no_longer_remembers_is_doubled() -> None:
    first = clicks(1, 10)
    again = [MemoryRecord(INPUT_TOPICS[0], 0, 10, first[0].timestamp, first[0].key, first[0].value)]
    live = Live()
    live.absorb(Source.CLICKS, first)
    live.absorb(Source.CLICKS, again)
    assert ("c-0", "events", "doubled") in kinds(live.stored(), {Source.CLICKS: first + again})


@pytest.mark.parametrize("field", ["spend_minor", "last_seen", "sums", "ads"])
def test_a_difference_in_any_other_field_is_reported(field: str) -> None:
    log = {Source.CLICKS: clicks(2, 5), Source.PURCHASES: [purchase(0, "c-0", 5.0)]}
    live = Live()
    for source, records in log.items():
        live.absorb(source, records)
    live.rows.slab[field][live.rows.slots["c-0"]] += 1
    assert kinds(live.stored(), log) == [("c-0", field, "different")]


def test_a_customer_without_a_row_is_listed_with_the_first_offset() -> None:
    log = clicks(2, 5)
    live = Live()
    live.absorb(Source.CLICKS, [one for one in log if one.key == b"c-0"])
    replay = replayed(live.stored(), {Source.CLICKS: log})
    assert replay.unknown == {"c-1": next(one.offset for one in log if one.key == b"c-1")}


def test_late_events_of_an_erased_customer_are_ignored_as_the_worker_does() -> None:
    first, late = clicks(2, 4), record(Source.CLICKS, 8, "c-0", 1.0, event_name="view_item")
    erasure = record(Source.ERASURES, 0, "c-0", 1_000.0)
    live = Live()
    live.absorb(Source.CLICKS, first)
    live.absorb(Source.ERASURES, [erasure])
    live.absorb(Source.CLICKS, [late])
    assert kinds(live.stored(), {Source.CLICKS: [*first, late], Source.ERASURES: [erasure]}) == []
    live.rows.events[live.rows.slots["c-0"]] += 1
    assert kinds(live.stored(), {Source.CLICKS: [*first, late], Source.ERASURES: [erasure]}) == [
        ("c-0", "events", "doubled")
    ]


def test_around_an_erasure_only_surplus_events_are_reported() -> None:
    """An erasure clears all events absorbed before it, even those that occurred after it."""
    before, after = clicks(1, 4), record(Source.CLICKS, 4, "c-0", 2_000.0, event_name="view_item")
    erasure = record(Source.ERASURES, 0, "c-0", 1_000.0)
    log = {Source.CLICKS: [*before, after], Source.ERASURES: [erasure]}
    live = Live()
    live.absorb(Source.CLICKS, [*before, after])
    live.absorb(Source.ERASURES, [erasure])
    assert kinds(live.stored(), log) == []
    live.rows.events[live.rows.slots["c-0"]] = 2
    assert ("c-0", "events", "doubled") in kinds(live.stored(), log)


def test_an_order_is_one_by_its_transaction_id_as_for_the_worker() -> None:
    """Issue 13, item 12."""
    first, other = purchase(0, "c-0", 1.0, 120.0), purchase(3, "c-0", 9.0, 120.0)
    again = [
        record(Source.PURCHASES, n, "c-0", n * 100.0, currency="EUR", value=120.0, transaction_id="t-0") for n in (1, 2)
    ]
    refunds = [
        record(Source.PURCHASES, n, "c-0", 900.0, currency="EUR", value=10.0, transaction_id="t-0", event_name="refund")
        for n in (4, 5)
    ]
    log = {Source.PURCHASES: [first, *again, other, *refunds]}
    live = Live()
    live.absorb(Source.PURCHASES, log[Source.PURCHASES])
    assert kinds(live.stored(), log) == []
    slot = live.rows.slots["c-0"]
    assert (live.rows.transactions[slot], live.rows.spend_minor[slot]) == (2, 220_00)
