"""Membership strings and change records: the bytes of the public contract.

    {"v":1,"customer_id":"c-81","epoch":1795415000123,"seq":17,"as_of":1795415998,"model":{"behaviour":12},
     "segments":{"behaviour":{"id":"behaviour-k7q2","since":1795000000,"score":0.83}},
     "consent":{"ads":false,"personalisation":true}}

Compact JSON with its fields in this order: the store's compare-and-set finds epoch and seq by their place.
"""

import re
from typing import Final

import msgspec

from streamseg.membership.types import Membership, OutboxEntry

VERSION: Final = 1

_OPENING: Final = b'{"v":%d,' % VERSION
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Membership)
_ORDER: Final = re.compile(rb'","epoch":(\d+),"seq":(\d+),')
"""The first match ends the customer id: a quote inside it would be escaped, so `","` cannot stand there."""


def encode(membership: Membership) -> bytes:
    """The membership string."""
    return _OPENING + _ENCODER.encode(membership)[1:]


def decode(string: bytes) -> Membership:
    """Read a membership string; fields that are not known are passed over. Raises `ValueError`."""
    return _DECODER.decode(string)


def order_of(string: bytes) -> tuple[int, int] | None:
    """(epoch, seq) of a membership string, ten times cheaper than `decode`; None when it isn't one."""
    found = _ORDER.search(string)
    return (int(found[1]), int(found[2])) if found else None


def change_record(entry: OutboxEntry) -> bytes | None:
    """The value for `streamseg.memberships`: the membership and what changed; None, a tombstone, for a deletion."""
    if entry.membership is None:
        return None
    return b'%b,"changes":%b}' % (entry.membership[:-1], _ENCODER.encode(entry.changes))
