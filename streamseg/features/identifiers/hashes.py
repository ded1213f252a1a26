"""Hashes identifiers for rows and lists: the first eight bytes of the SHA-256 of each normal form.

Whole hashes are not kept anywhere: eight bytes tell the customers of a shop apart (ten million of them and a list of
ten million share one by chance once in 200,000 times), and fit no list of hashes that others trade. They can still be
tried with known addresses, so they are personal data.
"""

import re
from hashlib import sha256
from typing import Final

from streamseg.features.identifiers.normal_forms import FORMS, IdentifierKind, normal_forms

Hashes = tuple[int, ...]
"""One of each normal form."""

MISSING: Final[Hashes] = (0,) * FORMS
_HEX: Final = re.compile(r"[0-9a-fA-F]{64}")
_OF_NOTHING: Final = sha256(b"").hexdigest()


def short_hash(text: str) -> int:
    """Return the hash of a text: 64 bits, never 0, which stands for none."""
    return int.from_bytes(sha256(text.encode("utf-8", "surrogatepass")).digest()[:8]) or 1


def given_hash(text: str) -> int | None:
    """Return the short form of a SHA-256 in hexadecimal digits; None if the text is none, or the hash of nothing."""
    plain = text.strip()
    return int(plain[:16], 16) or 1 if _HEX.fullmatch(plain) and plain.lower() != _OF_NOTHING else None


def identifier_hashes(kind: IdentifierKind, given: object, country_code: str) -> Hashes | None:
    """Return the hashes of an identifier as a trait tells it: plain, or as SHA-256 in hexadecimal digits.

    `MISSING` for null and an empty text, which take it away; None for what is no identifier. `country_code` is as for
    `normal_forms`.
    """
    if given is None:
        return MISSING
    if isinstance(given, float) and kind == "phone":
        given = f"{given:.0f}"
    if not isinstance(given, str):
        return None
    if not given.strip():
        return MISSING
    hashed = given_hash(given)
    if hashed is not None:
        return (hashed,) * FORMS
    forms = normal_forms(kind, given, country_code)
    if forms is None:
        return None
    google = short_hash(forms.google)
    return google, google if forms.meta == forms.google else short_hash(forms.meta)
