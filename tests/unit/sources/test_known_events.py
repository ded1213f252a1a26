"""Issue 13, item 11: events that the topics already hold are left out when an import is run again (case 13)."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence

import msgspec

from streamseg.events.record import MemoryRecord
from streamseg.events.rejection import ERROR_HEADERS
from streamseg.ports import OutgoingRecord
from streamseg.sources.event import SourceEvent
from streamseg.sources.known_events import NewEventsSink
from streamseg.sources.sending import heartbeats, record_of
from streamseg.topics import CLICKS, DEAD_LETTERS, PURCHASES


class Topics:
    """Topics with two partitions in memory: log and sink."""

    def __init__(self) -> None:
        self.records: defaultdict[tuple[str, int], list[MemoryRecord]] = defaultdict(list)
        self.reads: list[str] = []

    async def partitions(self, topic: str) -> int:
        return 2

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        return 0, len(self.records[topic, partition])

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[list[MemoryRecord]]:
        self.reads.append(topic)
        for at in range(start, end, 3):
            yield self.records[topic, partition][at : min(at + 3, end)]

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        for record in records:
            place = record.topic, sum(record.key or b"") % 2
            made = MemoryRecord(*place, len(self.records[place]), 0, record.key, record.value, record.headers)
            self.records[place].append(made)

    async def close(self) -> None: ...

    def count(self, topic: str) -> int:
        return sum(len(records) for (name, _), records in self.records.items() if name == topic)


def order(number: int, event_id: str | None = None, name: str = "purchase") -> SourceEvent:
    body = {"event_id": event_id or f"e-{number}", "event_name": name, "transaction_id": f"t-{number}", "value": 10}
    return SourceEvent("purchase", str(body["event_id"]), f"c-{number % 3}", 1.0, msgspec.json.encode(body))


def view(event_id: str) -> SourceEvent:
    return SourceEvent("click", event_id, "c-1", 1.0, msgspec.json.encode({"event_id": event_id, "event_name": "a"}))


def sent(topics: Topics, events: Sequence[SourceEvent]) -> NewEventsSink:
    sink = NewEventsSink(topics, topics, lambda topic, records: None)
    asyncio.run(sink.send([record_of(event) for event in events]))
    return sink


def test_an_order_whose_transaction_id_is_a_number_is_known_as_its_text() -> None:
    """Workers read the number 5 as "5"; the first reading here took such a purchase for no event and sent it again."""
    body = {"event_id": "e-5", "customer_id": "c-1", "occurred_at": "2026-10-01T10:00:00Z", "value": 10}
    both = [
        SourceEvent(
            "purchase", "e-5", "c-1", 1.0, msgspec.json.encode(body | {"currency": "EUR", "transaction_id": one})
        )
        for one in (5, "5")
    ]
    topics = Topics()
    assert sent(topics, both).known == 1
    assert sent(topics, both).known == 2


def test_short_ids_of_different_topics_are_different_events() -> None:
    """With a seed in place of a prefix, ids such as "7" and "4" had one hash in different topics."""
    topics = Topics()
    ids = [str(number) for number in range(10)]
    body = {"event_name": "a"}
    clicks = [SourceEvent("click", one, "c", 1.0, msgspec.json.encode(body | {"event_id": one})) for one in ids]
    consents = [SourceEvent("consent", one, "c", 1.0, msgspec.json.encode({"event_id": one})) for one in ids]
    assert sent(topics, clicks + consents).known == 0


def test_an_import_that_is_run_again_sends_nothing() -> None:
    topics, orders = Topics(), [order(number) for number in range(20)]
    assert sent(topics, orders[:12]).known == 0, "the first run broke off"
    assert sent(topics, orders).known == 12
    assert sent(topics, orders).known == 20
    assert topics.count(PURCHASES) == 20


def test_events_are_the_same_as_for_the_worker() -> None:
    topics = Topics()
    sent(topics, [order(1, "a"), order(1, "r-1", "refund"), view("a")])
    again = sent(topics, [order(1, "another id"), order(1, "r-2", "refund"), order(1, "r-1", "refund"), view("b")])
    assert again.known == 2, "the order by its transaction, the first refund by its id"
    assert topics.count(PURCHASES) == 3


def test_an_event_twice_in_one_run_is_sent_once() -> None:
    topics = Topics()
    assert sent(topics, [order(1), order(1), view("a")]).known == 1
    assert topics.count(PURCHASES) == 1


def test_a_rejected_event_is_sent_again() -> None:
    topics = Topics()
    sent(topics, [order(1), order(2)])
    place = {"topic": PURCHASES, "partition": str(sum(b"c-1") % 2), "offset": "0"}
    letter = tuple((f"{ERROR_HEADERS}{name}", text.encode()) for name, text in place.items())
    asyncio.run(topics.send([OutgoingRecord(DEAD_LETTERS, b"c-1", b"{}", letter)]))
    assert sent(topics, [order(1), order(2)]).known == 1


def test_only_topics_that_are_written_are_read_and_heartbeats_pass() -> None:
    topics = Topics()
    sent(topics, [view("a")])
    topics.reads.clear()
    sink = NewEventsSink(topics, topics, lambda topic, records: None)
    asyncio.run(sink.send([*heartbeats(1.0, 2), record_of(order(1))]))
    asyncio.run(sink.send([*heartbeats(2.0, 2), record_of(order(2))]))
    assert set(topics.reads) == {DEAD_LETTERS, PURCHASES}
    assert topics.count(CLICKS) == 5
    assert sink.known == 0
