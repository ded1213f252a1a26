"""Webhook subscribers and the queues of deliveries to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """A record of `streamseg.memberships`: its key, value (None for a tombstone), "partition-offset" and headers."""

    key: bytes
    value: bytes | None
    position: str
    headers: Mapping[str, bytes | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A receiver of membership changes.

    `secret` signs the messages (`whsec_...`, Standard Webhooks). `segments`, `audiences`: ids or patterns; without
    any of either, all changes of both are wanted. With purpose "ads", only what consent to ads permits is sent, and of
    audiences only those that ad servers may see. `allow_private` permits addresses inside the network. `ended` says why
    nothing is sent any more; empty while it is.
    """

    id: str
    url: str
    secret: str
    segments: tuple[str, ...] = ()
    purpose: Literal["shop", "ads"] = "shop"
    allow_private: bool = False
    ended: str = ""
    audiences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one subscriber, with the number of failed `attempts` and the `reason` of the last failure.

    `message_id` begins with a hash of the customer id and "-". `urgent` messages (a removal, the exit after a withdrawn
    consent) are the last to be dropped.
    """

    subscriber: str
    message_id: str
    body: str
    attempts: int = 0
    reason: str = ""
    urgent: bool = False

    @property
    def id(self) -> str:
        """Identifies the delivery: the same message to the same subscriber has the same id."""
        return f"{self.subscriber}/{self.message_id}"


@dataclass(frozen=True, slots=True)
class Closed:
    """The latest (epoch, seq) of a customer at which a removal, or a withdrawal of consent to ads, was queued."""

    removed: tuple[int, int] = (-1, -1)
    withdrawn: tuple[int, int] = (-1, -1)


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """Deliveries of one subscriber: waiting (taken ones included), parked, and dropped so far."""

    waiting: int = 0
    parked: int = 0
    dropped: int = 0


class WebhookStore(Protocol):
    """Subscribers, and for each a queue of deliveries and the parked ones (given up).

    Every call may raise `StoreUnavailableError`. `due`, `now` and leases are wall time in (epoch) seconds.
    """

    async def subscribe(self, subscriber: Subscriber) -> None:
        """Add the subscriber, or replace the one with the same id. Called by `streamseg webhooks`."""
        ...

    async def unsubscribe(self, subscriber_id: str) -> bool:
        """Delete a subscriber with all deliveries; return False when there is none. Called by `streamseg webhooks`."""
        ...

    async def end(self, subscriber: Subscriber, reason: str) -> bool:
        """Set `ended` and park all waiting deliveries, unless the subscriber was changed; return whether it was done.

        Called by the dispatcher when the subscriber answers that it is gone.
        """
        ...

    async def subscribers(self) -> list[Subscriber]:
        """Return every subscriber, ordered by id. Called by the dispatcher for each batch of changes."""
        ...

    async def enqueue(self, deliveries: Sequence[Delivery], due: float, limit: int) -> dict[str, int]:
        """Queue deliveries, due at `due`; skip those already queued or parked. Returns the dropped ones by subscriber.

        A subscriber keeps `limit` deliveries, queued and parked. Above it the oldest are dropped, urgent ones last.
        Called by the dispatcher before it commits the changes' offsets. After an error, call again with the same ones.
        """
        ...

    async def of_customer(self, customer: str, subscriber_ids: Sequence[str]) -> list[Delivery]:
        """Return the deliveries, queued and parked, whose message id begins with `customer` and "-".

        Called by the dispatcher before `forget`, to know what was not delivered.
        """
        ...

    async def forget(self, customer: str, subscriber_ids: Sequence[str], keep: str) -> None:
        """Delete the customer's deliveries, queued and parked, except those with the message id `keep`.

        Called by the dispatcher when the customer was erased or withdrew a consent, after it has queued that.
        """
        ...

    async def closed(self, customers: Sequence[str]) -> dict[str, Closed]:
        """Return what was closed by customer (the hash in message ids). Called by the dispatcher for each batch.

        Change records are redelivered with the (epoch, seq) that they had: what is closed must not be told again.
        """
        ...

    async def close(self, customer: str, closed: Closed) -> None:
        """Keep what was closed for the customer, for as long as Kafka keeps tombstones. Called after `forget`."""
        ...

    async def take(self, subscriber_id: str, now: float, lease_seconds: float, count: int) -> list[Delivery]:
        """Return up to `count` due deliveries, longest due first, and make them due again after `lease_seconds`.

        Called by the dispatcher in a loop. Nobody else gets them during the lease.
        """
        ...

    async def done(self, delivery: Delivery) -> None:
        """Delete a delivery. Called by the dispatcher after the subscriber accepted it."""
        ...

    async def retry(self, delivery: Delivery, due: float) -> None:
        """Store the delivery as given, due at `due`, unless it was deleted. Called after a failed attempt."""
        ...

    async def park(self, delivery: Delivery, now: float) -> None:
        """Move a delivery from the queue to the parked ones, unless it was deleted. Called after the last attempt."""
        ...

    async def parked(self) -> list[Delivery]:
        """Return the parked deliveries, ordered by id. Called by `streamseg webhooks`."""
        ...

    async def end_parked(self, subscriber_ids: Sequence[str], before: float) -> int:
        """Delete deliveries that were parked before a time; return how many. Called by the dispatcher every hour."""
        ...

    async def unpark(self, delivery_id: str, due: float) -> bool:
        """Queue a parked delivery again; return False when it is not parked. Called by `streamseg webhooks`."""
        ...

    async def counts(self, subscriber_ids: Sequence[str]) -> dict[str, QueueCounts]:
        """Return the counts by subscriber. Called before more changes are read, and by `streamseg webhooks`."""
        ...
