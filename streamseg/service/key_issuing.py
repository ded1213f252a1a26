"""Issue and rotate API keys."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Final

from streamseg.errors import NotFoundError, StreamsegError
from streamseg.ports import ApiKey, ConsoleRole, KeyKind, Scope

PREFIXES: Final[dict[KeyKind, str]] = {"secret": "sk_", "publishable": "pk_", "console": "ck_"}
KEY_BYTES: Final = 32


def digest(key: str) -> str:
    """Return the stored form of a key: SHA-256 in hex.

    A key has 256 random bits, so it cannot be guessed from its hash and needs no slow password hash.
    """
    return sha256(key.encode()).hexdigest()


def issue(
    name: str, kind: KeyKind, now: float, scopes: Sequence[Scope] = (), *, role: ConsoleRole | None = None
) -> tuple[ApiKey, str]:
    """Make a key; one of the console has a role.

    Return the stored entry, and the key itself, which cannot be recovered from the entry.
    """
    plain = PREFIXES[kind] + secrets.token_urlsafe(KEY_BYTES)
    granted = tuple(sorted(set(scopes)))
    return ApiKey(f"key-{secrets.token_hex(4)}", name, kind, digest(plain), int(now), scopes=granted, role=role), plain


def check_free(
    keys: Iterable[ApiKey],
    name: str,
    kind: KeyKind,
    now: float,
    scopes: Sequence[Scope] = (),
    *,
    role: ConsoleRole | None = None,
) -> None:
    """Raise `StreamsegError` when a valid key of another kind or role, or with other scopes, has the name.

    All keys of one name are rotated together, into one key of one kind and role with one set of scopes.
    """
    valid = [key for key in keys if key.name == name and key.is_valid(now)]
    if any((key.kind, key.role) != (kind, role) for key in valid):
        raise StreamsegError(
            f"{name} has a key of another kind, which would be rotated with this one: take another name"
        )
    if any(set(key.scopes) != set(scopes) for key in valid):
        raise StreamsegError(
            f"{name} has a key with other scopes, which would be rotated with this one: take another name"
        )


def issue_successor(keys: Iterable[ApiKey], name: str, now: float, overlap_seconds: float) -> tuple[list[ApiKey], str]:
    """Make a new key for a name. Its old keys stay valid for the overlap, so that clients can change over.

    Args:
        keys: all stored keys.
        name: whose keys to rotate.
        now: epoch seconds.
        overlap_seconds: how long the old keys stay valid.

    Returns:
        The entries to store, the new one first, and the new key itself.

    Raises:
        StreamsegError: the name has no valid key.
    """
    valid = [key for key in keys if key.name == name and key.is_valid(now)]
    if not valid:
        raise NotFoundError(f"there is no key named {name}")
    ends = int(now + overlap_seconds)
    new, plain = issue(name, valid[-1].kind, now, valid[-1].scopes, role=valid[-1].role)
    old = [replace(key, expires=ends if key.expires is None else min(ends, key.expires)) for key in valid]
    return [new, *old], plain
