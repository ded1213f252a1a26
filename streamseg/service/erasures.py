"""Erase a customer: ask the workers for it by an event, and say how far they are."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from streamseg.events.cloudevents import binary_headers
from streamseg.features.codec import erasure_of
from streamseg.ports import EventSink, MembershipStore, OutgoingRecord, StateStore
from streamseg.topics import CLICKS, ERASURES

ErasureState = Literal["accepted", "erased", "done"]
"""`accepted`: Kafka has the request. `erased`: the row is cleared, the membership not yet gone. `done`: both."""
ROUNDING_SECONDS: Final = 0.001
"""Times in events have milliseconds."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """A request to erase a customer: its event id, and up to which moment (epoch seconds)."""

    customer_id: str
    event_id: str
    at: float


def new_erasure(customer_id: str, now: float) -> Erasure:
    """Return a request that erases all events up to now, epoch seconds."""
    return Erasure(customer_id, str(uuid.uuid4()), round(now, 3))


async def request_erasure(sink: EventSink, erasure: Erasure, reason: str) -> None:
    """Hand the request to the workers; it cannot be taken back. Raises `StreamsegError` when Kafka does not take it."""
    moment = datetime.fromtimestamp(erasure.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    value = {"event_id": erasure.event_id, "customer_id": erasure.customer_id, "occurred_at": moment, "reason": reason}
    headers = binary_headers("erasure", erasure.event_id, erasure.at)
    await sink.send([OutgoingRecord(ERASURES, erasure.customer_id.encode(), msgspec.json.encode(value), headers)])


async def partition_of_customer(state: StateStore, partition_of: Callable[[str, int], int], customer_id: str) -> int:
    """Return the partition of a customer; 0 before a worker has begun. Raises `StoreUnavailableError`."""
    metadata = await state.metadata(0)
    known = metadata is not None and CLICKS in metadata.topics
    return partition_of(customer_id, metadata.topics[CLICKS][1]) if metadata is not None and known else 0


async def erasure_state(
    state: StateStore, memberships: MembershipStore, partition_of: Callable[[str, int], int], erasure: Erasure
) -> ErasureState:
    """Return how far an erasure is. Raises `StoreUnavailableError`.

    Who came back after it has a new row and a new membership: the state is `done` all the same.
    """
    partition = await partition_of_customer(state, partition_of, erasure.customer_id)
    (row,) = await state.load(partition, [erasure.customer_id])
    if row is None or erasure_of(row) < erasure.at - ROUNDING_SECONDS:
        return "accepted"
    (membership,) = await memberships.read([erasure.customer_id])
    published = 0 if membership is None else int(msgspec.json.decode(membership)["as_of"])
    return "done" if membership is None or published > erasure.at else "erased"
