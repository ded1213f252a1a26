"""Sends an event for a try, and follows it through every stage with the time of each."""

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from streamseg.errors import StreamsegError
from streamseg.events.cloudevents import binary_headers
from streamseg.events.rejection import ERROR_HEADERS
from streamseg.membership.contract import HistoryRecord
from streamseg.ports import EventSink, Log, MembershipStore, OutgoingRecord, StateStore
from streamseg.service.audience_rows import clock_of
from streamseg.service.erasures import partition_of_customer
from streamseg.topics import CLICKS, DEAD_LETTERS, HISTORY, PURCHASES

SAMPLES: Final[Mapping[str, tuple[str, str, Mapping[str, Any]]]] = {
    "view": (CLICKS, "click", {"event_name": "view_item"}),
    "cart": (CLICKS, "click", {"event_name": "add_to_cart"}),
    "purchase": (PURCHASES, "purchase", {}),
    "wrong": (CLICKS, "click", {"event_name": "Not A Name"}),
}
"""What can be sent: topic, kind, and what is special about it. `wrong` is rejected."""
LOOK_SECONDS: Final = 0.1
FOLLOWED_SECONDS: Final = 30.0
TOPICS_SECONDS: Final = 1.0
"""Between two looks into topics, which cost more."""

_HISTORY: Final = msgspec.json.Decoder(HistoryRecord)


@dataclass(slots=True)
class TriedEvent:
    """An event that was sent, and its stages: when each was first seen, epoch seconds of wall time."""

    id: str
    sample: str
    customer_id: str
    topic: str
    partition: int
    sent_at: float
    offset: int | None = None
    stages: dict[str, float] = field(default_factory=dict)
    """`accepted`, `absorbed`, `membership`, `change`, or `rejected`. Those of Kafka are the times of its records."""
    rejection: str = ""
    ended: bool = False
    """Whether it is followed no longer."""


class TriedEvents:
    """Sends and follows events.

    Args:
        state: the checkpoints of the partitions.
        memberships: the published memberships.
        log: gives the topics.
        sink: takes the events.
        partition_of: partition of a customer, of so many.
        event_clock: whether an event must occur at the clock of its partition instead of now.
        currency: that of purchases.
    """

    def __init__(
        self,
        state: StateStore,
        memberships: MembershipStore,
        log: Callable[[], Log],
        sink: EventSink,
        *,
        partition_of: Callable[[str, int], int],
        event_clock: bool,
        currency: str,
    ) -> None:
        self._state, self._memberships, self._log, self._sink = state, memberships, log, sink
        self._partition_of, self._event_clock, self._currency = partition_of, event_clock, currency
        self._reading = asyncio.Lock()

    async def send(self, sample: str, customer_id: str, category: str, value: float) -> tuple[TriedEvent, list[int]]:
        """Send an event. Return it, and where its traces in the topics begin.

        Raises `StreamsegError` when Kafka does not take it.
        """
        topic, kind, special = SAMPLES[sample]
        partition = await partition_of_customer(self._state, self._partition_of, customer_id)
        now = await clock_of(self._state, partition) if self._event_clock else time.time()
        event_id, at = f"test-{uuid.uuid4()}", round(now, 3)
        moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        item = {"item_id": "test", "item_category": category} if category else {"item_id": "test"}
        event = {"event_id": event_id, "customer_id": customer_id, "occurred_at": moment, "items": [item], **special}
        if topic == PURCHASES:
            event |= {"transaction_id": event_id, "value": value, "currency": self._currency}
        async with self._reading:
            log = self._log()
            begins = [(await log.bounds(one, partition))[1] for one in (topic, HISTORY, DEAD_LETTERS)]
        record = OutgoingRecord(
            topic, customer_id.encode(), msgspec.json.encode(event), binary_headers(kind, event_id, at)
        )
        sent = TriedEvent(event_id, sample, customer_id, topic, partition, time.time())
        await self._sink.send([record])
        return sent, begins

    async def follow(self, sent: TriedEvent, begins: list[int]) -> None:
        """Note each stage when it is reached, for half a minute at most."""
        (before,) = await self._memberships.read([sent.customer_id])
        until, look_at_topics = time.monotonic() + FOLLOWED_SECONDS, 0.0
        try:
            while time.monotonic() < until and not self._is_done(sent):
                if time.monotonic() >= look_at_topics:
                    await self._look_into_topics(sent, begins)
                    look_at_topics = time.monotonic() + TOPICS_SECONDS
                await self._look_into_store(sent, before)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            sent.ended = True

    @staticmethod
    def _is_done(sent: TriedEvent) -> bool:
        return "rejected" in sent.stages or {"accepted", "absorbed", "membership", "change"} <= sent.stages.keys()

    async def _look_into_store(self, sent: TriedEvent, before: bytes | None) -> None:
        metadata = await self._state.metadata(sent.partition)
        if sent.offset is not None and metadata is not None and metadata.checkpoint.get(sent.topic, 0) > sent.offset:
            sent.stages.setdefault("absorbed", time.time())
        (membership,) = await self._memberships.read([sent.customer_id])
        if membership != before:
            sent.stages.setdefault("membership", time.time())

    async def _look_into_topics(self, sent: TriedEvent, begins: list[int]) -> None:
        try:
            async with self._reading:
                for topic, begin in zip((sent.topic, HISTORY, DEAD_LETTERS), begins, strict=True):
                    await self._look_into(sent, topic, begin)
        except StreamsegError:  # Kafka is away: what was seen stays, and we look again
            return

    async def _look_into(self, sent: TriedEvent, topic: str, begin: int) -> None:
        log, key = self._log(), sent.customer_id.encode()
        _, end = await log.bounds(topic, sent.partition)
        async for records in log.read(topic, sent.partition, begin, end):
            for record in (one for one in records if one.key == key):
                if topic == sent.topic and sent.id.encode() in (record.value or b""):
                    sent.offset = record.offset
                    sent.stages.setdefault("accepted", record.timestamp / 1000)
                elif topic == HISTORY and _is_change(record.value):
                    sent.stages.setdefault("change", record.timestamp / 1000)
                elif topic == DEAD_LETTERS and sent.id.encode() in (record.value or b""):
                    sent.stages.setdefault("rejected", record.timestamp / 1000)
                    said = dict(record.headers).get(f"{ERROR_HEADERS}detail") or b""
                    sent.rejection = said.decode(errors="replace")


def _is_change(value: bytes | None) -> bool:
    try:
        return not _HISTORY.decode(value or b"").forget
    except msgspec.MsgspecError:
        return False
