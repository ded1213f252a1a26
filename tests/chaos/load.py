"""A steady load of simulated events, with what producers do wrong: some come late, some come twice."""

import asyncio
import heapq
import random
import time
from collections import defaultdict, deque
from itertools import count
from typing import Final

import msgspec
from confluent_kafka import Producer

from streamseg.ports import OutgoingRecord
from streamseg.sources.event import SourceEvent, rfc3339
from streamseg.sources.fitgear import FitGear
from streamseg.sources.sending import HEARTBEAT_SECONDS, heartbeats, record_of

TICK_SECONDS: Final = 0.05
LATE_SHARE: Final = 0.1
LATE_SECONDS: Final = 1.5
TWICE_SHARE: Final = 0.05
REMEMBERED_EVENT_IDS: Final = 64
"""The ring of the rows. A topic that waits while others go on puts their events between an event and its double, so
doubles are sent only of customers who have sent fewer events than half of this within `QUIET_SECONDS`."""
QUIET_SECONDS: Final = 60.0
RESENT_AFTER_ERASURE: Final = 3


class Load:
    """Sends events at a rate, and keeps all that it has sent."""

    def __init__(self, bootstrap: str, partitions: int, shop: FitGear, rate: float, seed: int) -> None:
        self.sent: list[SourceEvent] = []
        """Everything, doubles too, in the order of sending."""
        self.doubles = 0
        self.erased: set[str] = set()
        self._partitions = partitions
        self._events = iter(shop)
        self._rate = rate
        self._rng = random.Random(seed)
        self._waiting: list[tuple[float, int, SourceEvent]] = []
        self._numbers = count()
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)
        self._last: dict[str, deque[SourceEvent]] = {}
        self._latest = 0.0
        self._beaten = 0.0
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
        self.failed = 0
        """Records that Kafka has not taken: there must be none, or nothing can be compared."""

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop, then what is still waiting."""
        began, drawn = time.monotonic(), 0
        while not stop.is_set():
            now = time.monotonic()
            due = int((now - began) * self._rate)
            while drawn < due:
                drawn += 1
                self._draw(now)
            self._send_due(now)
            self._beat()
            self._producer.poll(0)
            await asyncio.sleep(TICK_SECONDS)
        self._send_due(float("inf"))
        self._beaten = 0.0
        self._beat()
        await asyncio.to_thread(self._producer.flush, 120)

    def erase(self) -> None:
        """Let a customer ask to be forgotten: afterwards only what occurred before comes of them."""
        customer = self._rng.choice(sorted(self._last.keys() - self.erased))
        self.erased.add(customer)
        at = max(event.occurred_at for event in self._last[customer]) + 1.0
        at = max([at, *(event.occurred_at for _, _, event in self._waiting if event.customer_id == customer)])
        event_id = f"erase-{len(self.erased)}"
        value = {"event_id": event_id, "customer_id": customer, "occurred_at": rfc3339(at)}
        now = time.monotonic()
        self._wait(now, SourceEvent("erasure", event_id, customer, at, msgspec.json.encode(value)))
        for event in list(self._last[customer])[-RESENT_AFTER_ERASURE:]:
            self._wait(now + self._rng.uniform(0.5, 5.0), event)

    def _draw(self, now: float) -> None:
        event = next(self._events)
        while event.customer_id in self.erased:
            event = next(self._events)
        self._latest = max(self._latest, event.occurred_at)
        late = self._rng.random() < LATE_SHARE
        at = now + (self._rng.uniform(0, LATE_SECONDS) if late else 0.0)
        self._wait(at, event)
        self._last.setdefault(event.customer_id, deque(maxlen=8)).append(event)
        if self._rng.random() < TWICE_SHARE and self._is_quiet(event.customer_id, now):
            self.doubles += 1
            self._wait(at + self._rng.choice((0.0, 0.0, self._rng.uniform(0, LATE_SECONDS))), event)

    def _is_quiet(self, customer: str, now: float) -> bool:
        recent = self._recent[customer]
        while recent and recent[0] < now - QUIET_SECONDS:
            recent.popleft()
        return len(recent) < REMEMBERED_EVENT_IDS // 2

    def _wait(self, at: float, event: SourceEvent) -> None:
        heapq.heappush(self._waiting, (at, next(self._numbers), event))

    def _send_due(self, now: float) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            _, _, event = heapq.heappop(self._waiting)
            self._recent[event.customer_id].append(time.monotonic())
            self.sent.append(event)
            self._produce(record_of(event))

    def _beat(self) -> None:
        if self._latest - self._beaten >= HEARTBEAT_SECONDS:
            self._beaten = self._latest
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
