"""What the API stores besides memberships: API keys, tickets of event streams, notices of changes."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Literal, Protocol, get_args

Scope = Literal["audiences:read", "audiences:write", "audiences:members"]
"""What a secret key may do beyond lookups. To read audiences: definitions, counts, overlap, members as pseudonyms. To
write them: also to preview, declare, change and drop. Members: their customer ids in place of pseudonyms."""
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

KeyKind = Literal["secret", "publishable", "console"]
ConsoleRole = Literal["viewer", "editor", "privacy"]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A stored API key: `digest` is the key's SHA-256 in hex, the key itself is not stored.

    `kind` is "secret" (`sk_...`, between servers), "publishable" (`pk_...`, in browsers) or "console" (`ck_...`, for a
    person, with a `role`; stored apart, so that the API never has it). `created` and `expires` are
    epoch seconds of wall time; the API refuses an expired key. Keys of the same `name` are rotations of one key.
    `scopes` are for secret keys.
    """

    id: str
    name: str
    kind: KeyKind
    digest: str
    created: int
    expires: int | None = None
    scopes: tuple[Scope, ...] = ()
    role: ConsoleRole | None = None

    def is_valid(self, now: float) -> bool:
        """Return whether the key has not expired (`now` in epoch seconds)."""
        return self.expires is None or now < self.expires


class ApiKeyStore(Protocol):
    """The API keys. Every call may raise `StoreUnavailableError`."""

    async def put(self, key: ApiKey) -> None:
        """Add the key, or replace the one with the same id. Called by `streamseg keys`."""
        ...

    async def remove(self, key_id: str) -> bool:
        """Delete a key; return False when there is none with this id. Called by `streamseg keys`."""
        ...

    async def all(self) -> list[ApiKey]:
        """Return every key, oldest first. Called by `streamseg keys`, and by the API every few seconds."""
        ...


class TicketStore(Protocol):
    """Opaque names for customers, for the URL of an event stream. Every call may raise `StoreUnavailableError`.

    Called by the API's event stream routes.
    """

    async def issue(self, customer_id: str, ttl_seconds: int) -> str:
        """Return an unguessable ticket for the customer, valid for at least `ttl_seconds` from now.

        Calls within the same period of `ttl_seconds` return the same ticket, so that the number of stored tickets
        grows with the customers and not with page views.
        """
        ...

    async def redeem(self, ticket: str) -> str | None:
        """Return the ticket's customer id, None when it is unknown or expired. A ticket can be redeemed again."""
        ...


class ChangeNotices(Protocol):
    """Signals that a customer's membership string was written. Best effort: a notice can be lost.

    Called by the API for each open event stream, which then reads the membership itself.
    """

    def watch(self, customer_id: str) -> AbstractAsyncContextManager[asyncio.Event]:
        """Return a context with an event, set after each write and whenever notices may have been lost.

        The caller clears the event. Raises nothing: without a connection, notices start again when it is back.
        """
        ...
