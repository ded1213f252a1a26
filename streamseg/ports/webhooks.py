"""Webhook subscribers and the queue of deliveries to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A receiver of membership changes.

    `secret` signs the messages (`whsec_...`, Standard Webhooks). `segments` are ids or patterns; empty means all. With
    purpose "ads", entries are sent only under ads consent; exits and removals always are. `allow_private` permits
    addresses inside the network.
    """

    id: str
    url: str
    secret: str
    segments: tuple[str, ...] = ()
    purpose: Literal["shop", "ads"] = "shop"
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one subscriber, with the number of failed `attempts` and the `reason` of the last failure."""

    subscriber: str
    message_id: str
    body: str
    attempts: int = 0
    reason: str = ""

    @property
    def id(self) -> str:
        """Identifies the delivery: the same message to the same subscriber has the same id."""
        return f"{self.subscriber}/{self.message_id}"


class WebhookStore(Protocol):
    """Subscribers, queued deliveries, and parked ones (given up). Every call may raise `StoreUnavailableError`.

    `due`, `now` and leases are wall time in (epoch) seconds.
    """

    async def subscribe(self, subscriber: Subscriber) -> None:
        """Add the subscriber, or replace the one with the same id. Called by `streamseg webhooks`."""
        ...

    async def unsubscribe(self, subscriber_id: str) -> bool:
        """Delete a subscriber; return False when there is none with this id. Called by `streamseg webhooks`."""
        ...

    async def subscribers(self) -> list[Subscriber]:
        """Return every subscriber, ordered by id. Called by the dispatcher for each batch of changes."""
        ...

    async def enqueue(self, deliveries: Sequence[Delivery], due: float) -> None:
        """Queue deliveries, due at `due`; skip those already queued or parked.

        Called by the dispatcher before it commits the changes' offsets. After an error, call again with the same ones.
        """
        ...

    async def take(self, now: float, lease_seconds: float, count: int) -> list[Delivery]:
        """Return up to `count` due deliveries, longest due first, and make them due again after `lease_seconds`.

        Called by the dispatcher in a loop. Nobody else gets them during the lease.
        """
        ...

    async def done(self, delivery: Delivery) -> None:
        """Delete a delivery. Called by the dispatcher after the subscriber accepted it, or is gone."""
        ...

    async def retry(self, delivery: Delivery, due: float) -> None:
        """Store the delivery as given, due at `due`. Called by the dispatcher after a failed attempt."""
        ...

    async def park(self, delivery: Delivery) -> None:
        """Move a delivery from the queue to the parked ones. Called by the dispatcher after the last attempt."""
        ...

    async def parked(self) -> list[Delivery]:
        """Return the parked deliveries, ordered by id. Called by `streamseg webhooks`."""
        ...

    async def unpark(self, delivery_id: str, due: float) -> bool:
        """Queue a parked delivery again; return False when it is not parked. Called by `streamseg webhooks`."""
        ...

    async def waiting(self) -> int:
        """Return the number of queued deliveries, taken ones included. Called before more changes are read."""
        ...
