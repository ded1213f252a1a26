"""New API keys, and their successors."""

import secrets
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Final, Literal

from streamseg.errors import StreamsegError
from streamseg.ports import ApiKey

PREFIXES: Final[dict[Literal["secret", "publishable"], str]] = {"secret": "sk_", "publishable": "pk_"}
KEY_BYTES: Final = 32


def digest(key: str) -> str:
    """How a key is stored. Keys are random and long, so that a plain SHA-256 gives nothing to guess at."""
    return sha256(key.encode()).hexdigest()


def issue(name: str, kind: Literal["secret", "publishable"], now: float) -> tuple[ApiKey, str]:
    """A new key: what is stored, and the key itself, which nobody can show again."""
    plain = PREFIXES[kind] + secrets.token_urlsafe(KEY_BYTES)
    return ApiKey(f"key-{secrets.token_hex(4)}", name, kind, digest(plain), int(now)), plain


def check_free(keys: Iterable[ApiKey], name: str, kind: Literal["secret", "publishable"], now: float) -> None:
    """Raise `StreamsegError` when keys of the other kind have the name: they are rotated together, as one kind."""
    if any(key.kind != kind for key in keys if key.name == name and _in_force(key, now)):
        raise StreamsegError(
            f"{name} has keys of the other kind, which would be rotated with this one: take another name"
        )


def succeed(keys: Iterable[ApiKey], name: str, now: float, overlap_seconds: float) -> tuple[list[ApiKey], str]:
    """A successor for the keys of a name, which stay good for the overlap, so that clients can change over.

    Returns what is to be stored, the new key first, and the new key itself. Raises `StreamsegError` for a name without
    a key in force.
    """
    standing = [key for key in keys if key.name == name and _in_force(key, now)]
    if not standing:
        raise StreamsegError(f"there is no key named {name}")
    ends = int(now + overlap_seconds)
    new, plain = issue(name, standing[-1].kind, now)
    old = [replace(key, expires=ends if key.expires is None else min(ends, key.expires)) for key in standing]
    return [new, *old], plain


def _in_force(key: ApiKey, now: float) -> bool:
    return key.expires is None or key.expires > now
