"""Reads one entry of a list: a customer id, an e-mail address, a phone number, or a SHA-256 in hexadecimal digits."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from streamseg.events.fields import is_customer_id
from streamseg.features.identifiers.hashes import given_hash, short_hash
from streamseg.features.identifiers.normal_forms import KINDS, IdentifierKind, normal_forms

EntryKind = Literal["id", "email", "phone", "hash", "address"]
"""`address` is an e-mail address, a phone number or a hash, whatever each value is."""
ENTRY_KINDS: Final[dict[str, tuple[str, ...]]] = {
    "id": ("id",),
    "email": ("email",),
    "phone": ("phone",),
    "hash": KINDS,
    "address": KINDS,
}
"""What rows are asked for, by what an entry is: nothing tells of what a hash was made."""

EMPTY: Final = "empty"
"""What is wrong with a value that is missing."""
_LONGEST_ID: Final = 256
_HEX: Final = re.compile(r"[0-9a-fA-F]+")
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_OTHER_HASHES: Final = {32: "MD5", 40: "SHA-1", 128: "SHA-512"}
_ABROAD: Final = re.compile(r"\s*(\+|00)[\s().\-]*[0-9][0-9\s().\-/]{5,}")


class NoEntryError(ValueError):
    """A value is no entry. The text says why, and never holds the value."""


class Entry(NamedTuple):
    """One entry: what it is, and its hashes, that of Google's normal form first."""

    kind: Literal["id", "email", "phone", "hash"]
    hashes: tuple[int, ...]


def entry(text: str, kind: EntryKind | None, country_code: str) -> Entry:
    """Read an entry; a hash may stand for an e-mail address or a phone number. Raises `NoEntryError`."""
    if not text:
        raise NoEntryError(EMPTY)
    if kind == "id" or kind is None:
        if len(text) > _LONGEST_ID or not is_customer_id(text):
            raise NoEntryError("no customer id: 1 to 256 characters without white space and braces")
        return Entry("id", (short_hash(text),))
    hashed = given_hash(text)
    if hashed is not None:
        return Entry("hash", (hashed,))
    if _HEX.fullmatch(text):
        if len(text) in _OTHER_HASHES:
            raise NoEntryError(f"{_OTHER_HASHES[len(text)]}, not SHA-256")
        if _SHA256.fullmatch(text):
            raise NoEntryError("the SHA-256 of an empty text")
    if kind == "hash":
        raise NoEntryError("no SHA-256: 64 hexadecimal digits")
    if kind == "address":
        kind = "email" if "@" in text else "phone"
    return _identifier(text, kind, country_code)


def _identifier(text: str, kind: IdentifierKind, country_code: str) -> Entry:
    forms = normal_forms(kind, text, country_code)
    if forms is not None:
        return Entry(kind, tuple(dict.fromkeys(map(short_hash, forms))))
    if kind == "email":
        raise NoEntryError("no e-mail address")
    if not country_code and normal_forms(kind, text, "31") is not None:
        raise NoEntryError("a phone number without country code: setting audiences.phone_country_code")
    raise NoEntryError("no phone number")


def looks_like(text: str) -> Literal["email", "phone", "hash"] | None:
    """Return what a value looks like; None for an id, or a phone number without country code, or any other text."""
    if _SHA256.fullmatch(text):
        return "hash"
    if "@" in text:
        return "email"
    return "phone" if _ABROAD.fullmatch(text) else None


def kind_of(values: Iterable[str]) -> EntryKind:
    """Return what most of the values look like: addresses of any kind, or ids."""
    found = Counter("id" if looks_like(one) is None else "address" for one in values if one)
    return "address" if found["address"] > found["id"] else "id"
