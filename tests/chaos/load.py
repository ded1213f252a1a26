"""A steady load of simulated events with the faults of real producers: some events are late, some are sent twice."""

import asyncio
import heapq
import random
import time
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from itertools import count
from typing import Final

import msgspec
from confluent_kafka import Producer

from streamseg.ports import OutgoingRecord
from streamseg.sources.event import SourceEvent, rfc3339
from streamseg.sources.fitgear import FitGear
from streamseg.sources.sending import HEARTBEAT_SECONDS, heartbeats, record_of
from tests.chaos.faulty_worker import POISON

TICK_SECONDS: Final = 0.05
LATE_SHARE: Final = 0.1
LATE_SECONDS: Final = 1.5
"""Greatest delay of a late event or of a duplicate."""
DUPLICATE_SHARE: Final = 0.05
REMEMBERED_EVENT_IDS: Final = 64
"""Event ids that a row remembers. While a topic waits and others go on, their events come between an event and its
duplicate. So only customers with fewer than half as many events within `QUIET_SECONDS` get duplicates."""
QUIET_SECONDS: Final = 60.0
MOST_BETWEEN: Final = REMEMBERED_EVENT_IDS // 2
"""A duplicate that more events of its customer have overtaken is not sent: a row does not promise to know it."""
RESENT_AFTER_ERASURE: Final = 3
"""Events of an erased customer that are sent again after the erasure."""

SWEEP_SECONDS: Final = 86_400.0
"""Event time after which a sweep is due, and more."""


class Load:
    """Sends events at a steady rate and keeps a list of them."""

    def __init__(self, bootstrap: str, partitions: int, shop: FitGear, events_per_second: float, seed: int) -> None:
        self.sent: list[SourceEvent] = []
        """All events in the order of sending, duplicates included."""
        self.duplicates = 0
        self.failed = 0
        """Records that Kafka did not accept. There must be none, or nothing can be compared."""
        self.erased: set[str] = set()
        self.withdrawn: set[str] = set()
        """Customers who consented to ads and withdrew it."""
        self.poisoned: list[bytes] = []
        """Values of the records that raise in a worker."""
        self._partitions = partitions
        self._events = iter(shop)
        self._events_per_second = events_per_second
        self._rng = random.Random(seed)
        self._waiting: list[tuple[float, int, SourceEvent]] = []
        self._numbers = count()
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)
        self._sent_of: Counter[str] = Counter()
        self._twice: dict[str, int | None] = {}
        """By id of an event that is to be sent twice: how many events of its customer had been sent with the first."""
        self._last: dict[str, deque[SourceEvent]] = {}
        self._latest = 0.0
        self._last_heartbeat = 0.0
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "delivery.timeout.ms": 300_000,
                "linger.ms": 5,
                "log_level": 2,
            }
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set, then send what is still waiting and flush."""
        began, drawn = time.monotonic(), 0
        while not stop.is_set():
            now = time.monotonic()
            due = int((now - began) * self._events_per_second)
            while drawn < due:
                drawn += 1
                self._draw(now)
            self._send_due(now)
            self._send_heartbeats()
            self._producer.poll(0)
            await asyncio.sleep(TICK_SECONDS)
        self._send_due(float("inf"))
        self._latest += SWEEP_SECONDS  # so that every partition sweeps once more, and counts its segments
        self._send_heartbeats()
        await asyncio.to_thread(self._producer.flush, 120)

    def erase(self) -> None:
        """Erase a random customer. Only events that occurred before the erasure are sent for them afterwards."""
        customer, at = self._chosen()
        self.erased.add(customer)
        now = time.monotonic()
        self._send_at(now, _event("erasure", f"erase-{len(self.erased)}", customer, at))
        for event in list(self._last[customer])[-RESENT_AFTER_ERASURE:]:
            self._send_at(now + self._rng.uniform(0.5, 5.0), event)

    def withdraw_ads(self, seconds: float) -> None:
        """Let a random customer consent to ads and withdraw it some seconds later, while their events go on."""
        customer, at = self._chosen()
        self.withdrawn.add(customer)
        now, number = time.monotonic(), len(self.withdrawn)
        for after, ads in ((0.0, True), (seconds, False)):
            answer = {"ads": ads, "personalisation": True}
            event = _event("consent", f"ads-{number}-{ads}", customer, at + after, consent=answer)
            self._send_at(now + after, event)

    def poison(self) -> None:
        """Send a record that raises in the worker. It is not among the events sent: it must not count."""
        (event,) = self.copies(1, f"{POISON}{len(self.poisoned) + 1}")
        self.poisoned.append(event.value)
        self._produce(record_of(event))

    def copies(self, events: int, name: str) -> list[SourceEvent]:
        """Return clicks and purchases of random customers as if they had made them twice: with ids of their own."""
        made: list[SourceEvent] = []
        customers = self._rng.sample(sorted(self._last.keys() - self.erased), 2 * events)
        while len(made) < events:
            event = next((one for one in self._last[customers.pop()] if one.kind in {"click", "purchase"}), None)
            if event is not None:
                value = msgspec.json.decode(event.value)
                event_id = f"{name}-{len(made) + 1}"
                value |= {"event_id": event_id}
                if "transaction_id" in value:
                    value |= {"transaction_id": f"o-{event_id}"}
                made.append(event._replace(event_id=event_id, value=msgspec.json.encode(value)))
        return made

    def was_sent(self, events: Sequence[SourceEvent]) -> None:
        """Note events that another producer has sent: they must count."""
        self.sent += events
        for event in events:
            self._recent[event.customer_id].append(time.monotonic())

    def _chosen(self) -> tuple[str, float]:
        """Return a random customer, neither erased nor withdrawn, and a time after all of their events so far."""
        customer = self._rng.choice(sorted(self._last.keys() - self.erased - self.withdrawn))
        at = max(event.occurred_at for event in self._last[customer]) + 1.0
        return customer, max(
            [at, *(one.occurred_at + 1.0 for _, _, one in self._waiting if one.customer_id == customer)]
        )

    def _is_void(self, event: SourceEvent) -> bool:
        """Whether a drawn event would undo an erasure or a withdrawal."""
        by_now = event.customer_id in self.withdrawn and event.kind == "consent"
        return by_now or event.customer_id in self.erased

    def _draw(self, now: float) -> None:
        event = next(self._events)
        while self._is_void(event):
            event = next(self._events)
        self._latest = max(self._latest, event.occurred_at)
        late = self._rng.random() < LATE_SHARE
        at = now + (self._rng.uniform(0, LATE_SECONDS) if late else 0.0)
        self._send_at(at, event)
        self._last.setdefault(event.customer_id, deque(maxlen=8)).append(event)
        if self._rng.random() < DUPLICATE_SHARE and self._is_quiet(event.customer_id, now):
            self._twice[event.event_id] = None
            self._send_at(at + self._rng.choice((0.0, 0.0, self._rng.uniform(0, LATE_SECONDS))), event)

    def _is_quiet(self, customer: str, now: float) -> bool:
        recent = self._recent[customer]
        while recent and recent[0] < now - QUIET_SECONDS:
            recent.popleft()
        return len(recent) < REMEMBERED_EVENT_IDS // 2

    def _send_at(self, at: float, event: SourceEvent) -> None:
        heapq.heappush(self._waiting, (at, next(self._numbers), event))

    def _send_due(self, now: float) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            _, _, event = heapq.heappop(self._waiting)
            if self._is_overtaken(event):
                continue
            self._sent_of[event.customer_id] += 1
            self._recent[event.customer_id].append(time.monotonic())
            self.sent.append(event)
            self._produce(record_of(event))

    def _is_overtaken(self, event: SourceEvent) -> bool:
        """Whether an event is a duplicate that comes too late; notes and counts those that are sent twice."""
        if event.event_id not in self._twice:
            return False
        sent, first = self._sent_of[event.customer_id], self._twice[event.event_id]
        if first is None:
            self._twice[event.event_id] = sent
            return False
        del self._twice[event.event_id]
        overtaken = sent - first > MOST_BETWEEN
        self.duplicates += not overtaken
        return overtaken

    def _send_heartbeats(self) -> None:
        if self._latest - self._last_heartbeat >= HEARTBEAT_SECONDS:
            self._last_heartbeat = self._latest
            for record in heartbeats(self._latest, self._partitions):
                self._produce(record)

    def _produce(self, record: OutgoingRecord) -> None:
        place = {} if record.partition is None else {"partition": record.partition}
        self._producer.produce(
            record.topic,
            key=record.key,
            value=record.value,
            headers=list(record.headers),
            on_delivery=self._delivered,
            **place,
        )

    def _delivered(self, error: object, _: object) -> None:
        self.failed += error is not None


def _event(kind: str, event_id: str, customer: str, at: float, **fields: object) -> SourceEvent:
    value = {"event_id": event_id, "customer_id": customer, "occurred_at": rfc3339(at)}
    return SourceEvent(kind, event_id, customer, at, msgspec.json.encode(value | fields))
