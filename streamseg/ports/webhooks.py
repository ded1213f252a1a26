"""Subscribers of membership changes, and the deliveries to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who is told of membership changes by webhook.

    `secret` signs (`whsec_...`, Standard Webhooks). `segments` are ids or patterns, none meaning all. For the purpose
    "ads" only changes under ads consent are sent; exits and removals always are. Without `allow_private` nothing is
    sent to addresses inside the network.
    """

    id: str
    url: str
    secret: str
    segments: tuple[str, ...] = ()
    purpose: Literal["shop", "ads"] = "shop"
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message under way to one subscriber; `attempts` have failed so far, the last one for `reason`."""

    subscriber: str
    message_id: str
    body: str
    attempts: int = 0
    reason: str = ""

    @property
    def id(self) -> str:
        """The same message to the same subscriber is the same delivery."""
        return f"{self.subscriber}/{self.message_id}"


class WebhookStore(Protocol):
    """Subscribers, and deliveries that are due, under way or parked. All calls may raise `StoreUnavailableError`."""

    async def subscribe(self, subscriber: Subscriber) -> None:
        """Add the subscriber, or replace the one with its id."""
        ...

    async def unsubscribe(self, subscriber_id: str) -> bool:
        """False when there is none of that id."""
        ...

    async def subscribers(self) -> list[Subscriber]:
        """Every subscriber, by id."""
        ...

    async def enqueue(self, deliveries: Sequence[Delivery], due: float) -> None:
        """Add deliveries, due at an epoch time; those already there or parked stay as they are."""
        ...

    async def take(self, now: float, lease_seconds: float, count: int) -> list[Delivery]:
        """The deliveries due longest. They are nobody else's during the lease, and due again after it."""
        ...

    async def done(self, delivery: Delivery) -> None:
        """Forget it."""
        ...

    async def retry(self, delivery: Delivery, due: float) -> None:
        """Keep it as it is now, due later."""
        ...

    async def park(self, delivery: Delivery) -> None:
        """Take it out of the queue and list it."""
        ...

    async def parked(self) -> list[Delivery]:
        """The deliveries that were given up."""
        ...

    async def unpark(self, delivery_id: str, due: float) -> bool:
        """Try a parked delivery anew; False when it is not parked."""
        ...

    async def waiting(self) -> int:
        """How many deliveries are due or under way."""
        ...
