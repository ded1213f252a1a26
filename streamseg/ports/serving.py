"""What the API keeps beside memberships: keys, stream tickets, notices of writes."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of an API key: never the key itself, only `digest`, the SHA-256 of it in hex.

    `kind` is "secret" (`sk_`, server to server) or "publishable" (`pk_`, in browsers). Times are epoch seconds of wall
    time; after `expires` the key is refused. Keys of one `name` replace each other when they are rotated.
    """

    id: str
    name: str
    kind: Literal["secret", "publishable"]
    digest: str
    created: int
    expires: int | None = None


class ApiKeyStore(Protocol):
    """The keys that the API takes. All calls may raise `StoreUnavailableError`."""

    async def put(self, key: ApiKey) -> None:
        """Add the key, or replace the one with its id."""
        ...

    async def remove(self, key_id: str) -> bool:
        """False when there is none of that id."""
        ...

    async def all(self) -> list[ApiKey]:
        """Every key, oldest first."""
        ...


class TicketStore(Protocol):
    """Names for customers that tell nothing, for the address of an event stream. May raise `StoreUnavailableError`."""

    async def issue(self, customer_id: str, ttl_seconds: int) -> str:
        """A name that nobody can guess and that stands for the customer for at least so long.

        Asked again soon, it is the same one: what is kept grows with the customers, not with the pages that they open.
        """
        ...

    async def redeem(self, ticket: str) -> str | None:
        """The customer's id; None when the ticket is unknown or too old. A ticket can be redeemed again."""
        ...


class ChangeNotices(Protocol):
    """Tells that a membership string was written, nothing else, and without promise: who misses one asks anew."""

    def watch(self, customer_id: str) -> AbstractAsyncContextManager[asyncio.Event]:
        """An event that is set after each write while the context is open, and whenever notices may have been lost."""
        ...
