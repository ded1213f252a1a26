"""The past of one customer: each change with the events before it, nothing of before an erasure, and how far back."""

import msgspec
import pytest

from streamseg.service import timeline
from streamseg.service.timeline import read_timeline
from streamseg.topics import CLICKS, CONSENTS, ERASURES, HISTORY, PURCHASES
from tests.support.partition import NOON, MemoryLog

ITEMS = [{"item_id": "1", "item_category": "Running"}]


def changed(log: MemoryLog, seq: int, at: float, *segments: str, customer: str = "ann", **more: object) -> None:
    ways = ("exited", "entered") if len(segments) > 1 else ("entered",)
    changes = [
        {"segmentation": "behaviour", "segment": segment, "change": way}
        for segment, way in zip(segments, ways, strict=True)
    ]
    value = {"v": 1, "customer_id": customer, "epoch": 1, "seq": seq, "as_of": int(NOON + at), "changes": changes}
    log.append(HISTORY, customer.encode(), msgspec.json.encode(value | more))


@pytest.mark.asyncio
async def test_each_change_has_the_events_since_the_one_before_and_what_came_later_is_apart() -> None:
    log = MemoryLog()
    log.event(CLICKS, "ann", "1", 0, event_name="view_item", items=ITEMS, page_location="https://x.example/?q=secret")
    log.event(CLICKS, "bob", "2", 5, event_name="view_item")
    log.event(PURCHASES, "ann", "3", 10, transaction_id="t", value=12.5, currency="EUR")
    changed(log, 1, 11, "behaviour-a")
    changed(log, 1, 11, "behaviour-a")  # delivered again
    changed(log, 2, 50, "behaviour-a", "behaviour-b")
    changed(log, 1, 12, "behaviour-c", customer="bob")
    log.event(CONSENTS, "ann", "4", 60, consent={"ads": True})
    log.append(CLICKS, b"ann", b"no JSON")
    found = await read_timeline(log, 0, "ann", seconds=5.0)
    assert [one.record.seq for one in found.changes] == [2, 1]
    assert [(one.kind, one.name, one.category) for one in found.changes[1].events] == [
        ("purchase", None, None),
        ("click", "view_item", "Running"),
    ]
    assert (found.changes[1].events[0].value, found.changes[1].events[0].currency) == (12.5, "EUR")
    assert found.changes[0].events == ()
    assert [one.kind for one in found.later] == ["consent"]
    assert (found.changes_reach, found.events_reach) == (None, None)
    assert "secret" not in repr(found)


@pytest.mark.asyncio
async def test_changes_within_one_second_have_the_events_of_that_second() -> None:
    log = MemoryLog()
    log.event(CLICKS, "ann", "1", 10.7, event_name="view_item")
    changed(log, 1, 10, "behaviour-a")
    changed(log, 2, 10, "behaviour-a", "behaviour-b")
    changed(log, 3, 11, "behaviour-b", "behaviour-c")
    found = await read_timeline(log, 0, "ann", seconds=5.0)
    assert [len(one.events) for one in found.changes] == [0, 1, 1]
    assert found.later == ()


@pytest.mark.asyncio
async def test_an_erasure_takes_away_the_past_up_to_it() -> None:
    log = MemoryLog()
    log.event(CLICKS, "ann", "1", 0, event_name="view_item")
    changed(log, 1, 1, "behaviour-a")
    log.event(ERASURES, "ann", "2", 10)
    log.append(
        HISTORY, b"ann", msgspec.json.encode({"v": 1, "customer_id": "ann", "epoch": 1, "seq": 2, "forget": True})
    )
    log.event(CLICKS, "ann", "3", 20, event_name="back_again")
    changed(log, 1, 1, "behaviour-a")  # delivered again after the order to forget
    changed(log, 3, 21, "behaviour-b")
    found = await read_timeline(log, 0, "ann", seconds=5.0)
    assert [one.record.seq for one in found.changes] == [3]
    assert [(one.kind, one.name) for one in found.changes[0].events] == [("click", "back_again"), ("erasure", None)]


@pytest.mark.asyncio
async def test_the_newest_records_are_read_and_it_is_said_how_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "PIECE", 2)
    log = MemoryLog()
    for seq in range(1, 7):
        log.event(CLICKS, "ann", str(seq), seq, event_name="view_item")
        changed(log, seq, seq, "behaviour-a")
    found = await read_timeline(log, 0, "ann", seconds=0.0)
    assert [one.record.seq for one in found.changes] == [6, 5]
    assert found.changes_reach == found.events_reach == log.records[HISTORY][4].timestamp / 1000
    assert [len(one.events) for one in found.changes] == [1, 1]
    whole = await read_timeline(log, 0, "ann", seconds=5.0)
    assert len(whole.changes) == 6
    assert whole.changes_reach is None
