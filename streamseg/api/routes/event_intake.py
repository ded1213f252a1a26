"""`POST /v1/events`: write events to Kafka. "Accepted" means that Kafka has acknowledged the event."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec
from starlette.routing import Route

from streamseg.api.http.access import Access, Caller
from streamseg.api.http.answers import Answer
from streamseg.api.http.endpoint import AdmittedRequest, KeyedRoute
from streamseg.api.http.problems import Problem
from streamseg.api.http.request_body import json_object
from streamseg.errors import StreamsegError
from streamseg.events.cloudevents import binary_headers
from streamseg.events.decode import Decoder
from streamseg.events.record import MemoryRecord
from streamseg.events.rejection import RejectionError
from streamseg.events.types import KINDS, Heartbeat, Probe
from streamseg.metrics import Metrics
from streamseg.ports import EventSink, OutgoingRecord
from streamseg.topics import INPUT_TOPICS

EVENTS_AT_MOST: Final = 500
SEND_SECONDS: Final = 5.0
"""How long Kafka may take to acknowledge."""

FROM_PAGES: Final = ("click",)
"""The kinds of events that a publishable key may send."""

NO_STORE: Final = {b"cache-control": b"no-store"}


class _Item(msgspec.Struct):
    kind: Literal["click", "purchase", "profile", "consent", "erasure"]
    event: msgspec.Raw
    """Written to Kafka byte for byte."""


class _Batch(msgspec.Struct):
    events: list[msgspec.Raw]


class _WithCustomer(msgspec.Struct):
    customer_id: str = ""


_ITEM: Final = msgspec.json.Decoder(_Item)
_BATCH: Final = msgspec.json.Decoder(_Batch)
_WITH_CUSTOMER: Final = msgspec.json.Decoder(_WithCustomer)


class EventIntake:
    """Decodes events with the worker's decoder, and writes those that it accepts.

    Args:
        sink: where records go.
        decoder: the decoder of the worker.
        access: checks for which customers a caller may send.
        metrics: counts results.
        body_limit_bytes: the largest request body.
        clock: wall time, epoch seconds.
    """

    def __init__(
        self,
        sink: EventSink,
        decoder: Decoder,
        access: Access,
        metrics: Metrics,
        *,
        body_limit_bytes: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sink = sink
        self._decoder = decoder
        self._access = access
        self._count = metrics.received
        self._body_limit_bytes = body_limit_bytes
        self._clock = clock

    def routes(self, keyed: KeyedRoute) -> list[Route]:
        """Return the route."""
        return [keyed("POST", "/v1/events", self.receive)]

    async def receive(self, request: AdmittedRequest) -> Answer:
        """Answer 202 or a problem to `{"kind": "click", "event": {...}}`.

        Answer 200 to `{"events": [...]}` with 1-500 of these, with a result for each in the same order.
        """
        body = await request.body(self._body_limit_bytes)
        if "events" not in json_object(body):
            return await self._one(body, request.caller)
        try:
            items = _BATCH.decode(body).events
        except msgspec.ValidationError:
            raise Problem(422, "events must be a list", field="events") from None
        if not 1 <= len(items) <= EVENTS_AT_MOST:
            raise Problem(422, f"events must be a list of 1-{EVENTS_AT_MOST} events", field="events")
        return await self._many(items, request.caller)

    async def _one(self, body: bytes, caller: Caller) -> Answer:
        try:
            record = self._checked(body, caller)
        except Problem:
            self._count.labels("rejected").inc()
            raise
        await self._send([record])
        return Answer(202, b'{"status":"accepted"}', headers=NO_STORE)

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
        return Answer(200, msgspec.json.encode(answer), headers=NO_STORE)

    def _checked(self, body: bytes, caller: Caller) -> OutgoingRecord:
        """Return the record for Kafka. Raises `Problem` that names the field at fault."""
        try:
            item = _ITEM.decode(body)
            event = bytes(item.event)
            customer_id = _WITH_CUSTOMER.decode(event).customer_id
        except msgspec.ValidationError as error:
            raise Problem(422, str(error), field=_field_of(str(error))) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Problem(400, "the body is not JSON", field="body") from None
        if not caller.is_secret:
            if item.kind not in FROM_PAGES:
                raise Problem(403, f"a publishable key may send only: {', '.join(FROM_PAGES)}", field="kind")
            self._access.prove(caller, customer_id)
        kind, now = KINDS.index(item.kind), self._clock()
        key = customer_id.encode(errors="replace")
        try:
            decoded = self._decoder.decode(kind, MemoryRecord(INPUT_TOPICS[kind], -1, -1, int(now * 1000), key, event))
        except RejectionError as error:
            field, _, detail = error.detail.partition(": ")
            raise Problem(422, detail or field, field=f"event.{field}", more={"reason": str(error.reason)}) from None
        assert not isinstance(decoded, Heartbeat | Probe)  # they need headers, which these records do not have
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
                "Kafka did not acknowledge the events: send them again; duplicates are recognised by event_id",
                headers={b"retry-after": b"1", b"streamseg-unavailable": b"kafka"},
            ) from None
        self._count.labels("accepted").inc(len(records))


def _rejected(problem: Problem, at: str) -> dict[str, Any]:
    field = problem.field or "body"
    return {"field": at if field == "body" else f"{at}.{field}", "detail": problem.detail} | problem.more


def _field_of(message: str) -> str:
    """Return the path at the end of a message of msgspec: `... - at `$.kind``."""
    _, found, path = message.partition("`$.")
    if found:
        return path.rstrip("`")
    return message.split("`")[1] if message.startswith("Object missing") else "body"
