"""`POST /v1/events`: events for Kafka, each with its own answer. Accepted means that Kafka has it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from streamseg.api.http.access import Access, Caller
from streamseg.api.http.answers import Answer
from streamseg.api.http.problems import Problem, json_object
from streamseg.api.http.request_metrics import Meters
from streamseg.errors import StreamsegError
from streamseg.events.cloudevents import binary_headers
from streamseg.events.decode import Decoder
from streamseg.events.record import MemoryRecord
from streamseg.events.rejection import RejectionError
from streamseg.events.types import KINDS, Heartbeat
from streamseg.ports import EventSink, OutgoingRecord
from streamseg.topics import INPUT_TOPICS

BATCH_AT_MOST: Final = 500
SEND_SECONDS: Final = 5.0
"""How long Kafka may take to acknowledge."""

FROM_PAGES: Final = ("click",)
"""What a publishable key may send, for the customer that it is proven for."""


class _Item(msgspec.Struct):
    kind: Literal["click", "purchase", "profile", "consent", "erasure"]
    event: msgspec.Raw
    """Goes to Kafka byte for byte."""


class _Batch(msgspec.Struct):
    events: list[msgspec.Raw]


class _Named(msgspec.Struct):
    customer_id: str = ""


_ITEM: Final = msgspec.json.Decoder(_Item)
_BATCH: Final = msgspec.json.Decoder(_Batch)
_NAMED: Final = msgspec.json.Decoder(_Named)


class EventsIn:
    """Checks events as the worker will, and hands them to Kafka."""

    def __init__(
        self, sink: EventSink, decoder: Decoder, access: Access, meters: Meters, clock: Callable[[], float] = time.time
    ) -> None:
        self._sink = sink
        self._decoder = decoder
        self._access = access
        self._count = meters.metrics.received
        self._clock = clock

    async def receive(self, body: bytes, caller: Caller) -> Answer:
        """One event: 202 or a problem. Up to 500: 200, with a result for each, in order.

        Args:
            body: `{"kind": "click", "event": {...}}`, or `{"events": [...]}` of these.
            caller: who sends them.
        """
        if "events" not in json_object(body):
            return await self._one(body, caller)
        try:
            items = _BATCH.decode(body).events
        except msgspec.ValidationError:
            raise Problem(422, "events must be a list", field="events") from None
        if not 1 <= len(items) <= BATCH_AT_MOST:
            raise Problem(422, f"events must be a list of 1-{BATCH_AT_MOST} events", field="events")
        return await self._many(items, caller)

    async def _one(self, body: bytes, caller: Caller) -> Answer:
        try:
            record = self._checked(body, caller)
        except Problem:
            self._count.labels("rejected").inc()
            raise
        await self._send([record])
        return Answer(202, b'{"status":"accepted"}', headers={b"cache-control": b"no-store"})

    async def _many(self, items: list[msgspec.Raw], caller: Caller) -> Answer:
        records: list[OutgoingRecord] = []
        results: list[dict[str, Any]] = []
        for position, item in enumerate(items):
            try:
                records.append(self._checked(bytes(item), caller))
                results.append({"status": "accepted"})
            except Problem as problem:
                results.append({"status": "rejected"} | _rejected(problem, f"events[{position}]"))
        self._count.labels("rejected").inc(len(items) - len(records))
        await self._send(records)
        answer = {"accepted": len(records), "rejected": len(items) - len(records), "results": results}
        return Answer(200, msgspec.json.encode(answer), headers={b"cache-control": b"no-store"})

    def _checked(self, body: bytes, caller: Caller) -> OutgoingRecord:
        """The record for Kafka. Raises `Problem` that names the field."""
        try:
            item = _ITEM.decode(body)
            event = bytes(item.event)
            customer_id = _NAMED.decode(event).customer_id
        except msgspec.ValidationError as error:
            raise Problem(422, str(error), field=_field_of(str(error))) from None
        except (msgspec.DecodeError, RecursionError):
            raise Problem(400, "the body is not JSON", field="body") from None
        if not caller.is_secret:
            if item.kind not in FROM_PAGES:
                raise Problem(403, f"a publishable key sends {', '.join(FROM_PAGES)} only", field="kind")
            self._access.prove(caller, customer_id)
        kind, now = KINDS.index(item.kind), self._clock()
        key = customer_id.encode(errors="replace")
        try:
            decoded = self._decoder.decode(kind, MemoryRecord(INPUT_TOPICS[kind], -1, -1, int(now * 1000), key, event))
        except RejectionError as error:
            field, _, detail = error.detail.partition(": ")
            raise Problem(422, detail or field, field=f"event.{field}", more={"reason": str(error.reason)}) from None
        assert not isinstance(decoded, Heartbeat)  # these come with headers only
        headers = binary_headers(item.kind, decoded.event_id, decoded.at)
        return OutgoingRecord(INPUT_TOPICS[kind], key, event, headers)

    async def _send(self, records: list[OutgoingRecord]) -> None:
        if not records:
            return
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._sink.send(records)
        except (TimeoutError, StreamsegError):
            self._count.labels("unavailable").inc(len(records))
            raise Problem(
                503,
                "Kafka has not acknowledged the events: send the same again, event_id makes that safe",
                headers={b"retry-after": b"1", b"streamseg-unavailable": b"kafka"},
            ) from None
        self._count.labels("accepted").inc(len(records))


def _rejected(problem: Problem, at: str) -> dict[str, Any]:
    field = problem.field or "body"
    return {"field": at if field == "body" else f"{at}.{field}", "detail": problem.detail} | problem.more


def _field_of(message: str) -> str:
    """The path at the end of msgspec's message: ... - at `$.kind`."""
    _, found, path = message.partition("`$.")
    if found:
        return path.rstrip("`")
    return message.split("`")[1] if message.startswith("Object missing") else "body"
