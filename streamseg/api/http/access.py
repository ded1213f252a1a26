"""Who asks, and for whom they may ask."""

import hmac
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from streamseg.api.http.limits import Limits
from streamseg.api.http.problems import Problem
from streamseg.ports import ApiKey
from streamseg.service.key_issuing import digest

Headers = Mapping[bytes, bytes]
"""Names in lower case, as ASGI has them."""

ANONYMOUS_ID: Final = re.compile(r"anon-[A-Za-z0-9_-]{22,128}")
"""At least 128 bits in base64url, or a UUID: nobody guesses it, so knowing it is proof enough."""


def identity_hash(secret: str, customer_id: str) -> str:
    """What a shop's server gives its page for `X-Streamseg-Hash`: HMAC-SHA256 of the customer id, in hex."""
    return hmac.new(secret.encode(), customer_id.encode(), sha256).hexdigest()


class KeyRing:
    """The keys in force, by digest; exchanged as a whole when the store has others."""

    def __init__(self) -> None:
        self.loaded = False
        self._by_digest: dict[str, ApiKey] = {}

    def replace(self, keys: Iterable[ApiKey]) -> None:
        """Take these keys instead."""
        self._by_digest = {key.digest: key for key in keys}
        self.loaded = True

    def find(self, key: str, now: float) -> ApiKey | None:
        """The key, if it is known and has not expired."""
        found = self._by_digest.get(digest(key))
        return found if found is not None and (found.expires is None or now < found.expires) else None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the key, and the proof of a customer's identity that came with it."""

    key: ApiKey
    identity: str | None = None

    @property
    def is_secret(self) -> bool:
        """Whether it is a server of the shop, which may ask for everyone."""
        return self.key.kind == "secret"


class Access:
    """Admits callers by key, rate and proof."""

    def __init__(
        self,
        ring: KeyRing,
        limits: Limits,
        identity_secrets: Iterable[str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ring = ring
        self._limits = limits
        self._secrets = tuple(identity_secrets)
        self._clock = clock

    def admit(self, headers: Headers) -> Caller:
        """Who this is.

        Raises `Problem` 401 without a valid key, 429 when too much is asked, 503 before the keys are known.
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
                raise store_unknown()
            raise Problem(
                401,
                "this API key is unknown, revoked or expired",
                field="Authorization",
                headers={b"www-authenticate": b'Bearer error="invalid_token"'},
            )
        self._limits.take(key.id)  # first: what a key may not ask takes nothing from the others
        self._limits.take()
        proof = headers.get(b"x-streamseg-hash")
        return Caller(key, proof.decode("latin-1") if proof is not None else None)

    def prove(self, caller: Caller, customer_id: str) -> None:
        """Raise `Problem` 403 unless the caller may ask for this customer."""
        if caller.is_secret or ANONYMOUS_ID.fullmatch(customer_id):
            return
        if caller.identity is None:
            raise Problem(403, "a publishable key needs the identity hash of this customer", field="X-Streamseg-Hash")
        given = caller.identity.lower().encode()
        if not any(hmac.compare_digest(identity_hash(secret, customer_id).encode(), given) for secret in self._secrets):
            raise Problem(403, "the identity hash is not this customer's", field="X-Streamseg-Hash")


def need_secret(caller: Caller) -> None:
    """Raise `Problem` 403 for a publishable key where only servers of the shop may ask."""
    if not caller.is_secret:
        raise Problem(403, "this needs a secret key (sk_)", field="Authorization")


def store_unknown() -> Problem:
    """The keys have not been read yet: nobody can be told from anybody."""
    return Problem(
        503,
        "the API keys could not be read yet",
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
