"""Admit requests by API key and rate, and check for which customers a key may ask."""

import hmac
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from streamseg.api.http.problems import Problem
from streamseg.api.http.rate_limits import RateLimits
from streamseg.ports import ApiKey, Scope
from streamseg.service.key_issuing import digest

Headers = Mapping[bytes, bytes]
"""Header values by lower-case name, as in ASGI."""

ANONYMOUS_ID: Final = re.compile(r"anon-[A-Za-z0-9_-]{22,128}")
"""At least 128 bits in base64url, or a UUID. Such an id cannot be guessed, so it needs no identity hash."""


def identity_hash(secret: str, customer_id: str) -> str:
    """Return the value of `X-Streamseg-Hash`: HMAC-SHA256 of the customer id, in hex.

    The shop's server computes it and puts it into the page.
    """
    return hmac.new(secret.encode(), customer_id.encode(), sha256).hexdigest()


class KeyRing:
    """In-memory copy of the API keys, by digest."""

    def __init__(self) -> None:
        self.loaded = False
        """Whether the keys were read at least once."""
        self._by_digest: dict[str, ApiKey] = {}

    def replace(self, keys: Iterable[ApiKey]) -> None:
        """Replace all keys."""
        self._by_digest = {key.digest: key for key in keys}
        self.loaded = True

    def find(self, key: str, now: float) -> ApiKey | None:
        """Return the entry of a key, or None when it is unknown or expired (`now` in epoch seconds)."""
        found = self._by_digest.get(digest(key))
        return found if found is not None and found.is_valid(now) else None


@dataclass(frozen=True, slots=True)
class Caller:
    """The key of a request, and its `X-Streamseg-Hash`."""

    key: ApiKey
    identity: str | None = None

    @property
    def is_secret(self) -> bool:
        """Whether the key is secret: then the caller is a server of the shop and may ask for every customer."""
        return self.key.kind == "secret"


class Access:
    """Checks key, rate and identity hash of a request.

    Args:
        ring: the valid keys.
        limits: request rates, of the process and per key.
        identity_secrets: secrets of identity hashes; a hash by any of them is accepted.
        clock: wall time, epoch seconds.
    """

    def __init__(
        self,
        ring: KeyRing,
        limits: RateLimits,
        identity_secrets: Iterable[str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ring = ring
        self._limits = limits
        self._secrets = tuple(identity_secrets)
        self._clock = clock

    def admit(self, headers: Headers) -> Caller:
        """Return the caller.

        Raises:
            Problem: 401 without a valid key, 429 above a rate limit, 503 before the keys are loaded.
        """
        given = _key_of(headers)
        if given is None:
            raise Problem(
                401,
                "send an API key as Authorization: Bearer, or as X-API-Key",
                field="Authorization",
                headers={b"www-authenticate": b"Bearer"},
            )
        key = self._ring.find(given, self._clock())
        if key is None:
            if not self._ring.loaded:
                raise keys_not_loaded()
            raise Problem(
                401,
                "this API key is unknown, revoked or expired",
                field="Authorization",
                headers={b"www-authenticate": b'Bearer error="invalid_token"'},
            )
        self._limits.take(key.id)  # the key first: a refused request must not use up the rate of the process
        self._limits.take()
        identity = headers.get(b"x-streamseg-hash")
        return Caller(key, identity.decode("latin-1") if identity is not None else None)

    def prove(self, caller: Caller, customer_id: str) -> None:
        """Raise `Problem` 403 unless the caller may ask for this customer."""
        if caller.is_secret or ANONYMOUS_ID.fullmatch(customer_id):
            return
        if caller.identity is None:
            raise Problem(403, "a publishable key needs the identity hash of this customer", field="X-Streamseg-Hash")
        given = caller.identity.lower().encode()
        if not any(hmac.compare_digest(identity_hash(secret, customer_id).encode(), given) for secret in self._secrets):
            raise Problem(403, "the identity hash does not match this customer", field="X-Streamseg-Hash")


def need_secret(caller: Caller) -> None:
    """Raise `Problem` 403 for a publishable key."""
    if not caller.is_secret:
        raise Problem(403, "this needs a secret key (sk_)", field="Authorization")


def need_scope(caller: Caller, scope: Scope) -> None:
    """Raise `Problem` 403 for a key without the scope. Who may write audiences may read them."""
    need_secret(caller)
    granted = caller.key.scopes
    if scope not in granted and not (scope == "audiences:read" and "audiences:write" in granted):
        raise Problem(403, f"this needs a key with the scope {scope}: streamseg keys create", field="Authorization")


def keys_not_loaded() -> Problem:
    """Return the 503 for the time before the keys are loaded: valid and invalid keys look the same then."""
    return Problem(
        503,
        "the API keys are not loaded yet: try again in a second",
        headers={b"retry-after": b"1", b"streamseg-unavailable": b"store"},
        more={"known": False, "segments": {}},
    )


def _key_of(headers: Headers) -> str | None:
    bearer = headers.get(b"authorization")
    if bearer is not None:
        scheme, _, token = bearer.partition(b" ")
        return token.strip().decode("latin-1") if scheme.lower() == b"bearer" and token.strip() else None
    given = headers.get(b"x-api-key")
    return given.decode("latin-1") if given else None
