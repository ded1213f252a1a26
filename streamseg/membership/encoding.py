"""Encodes and decodes membership strings and change records, the bytes of the public contract.

    {"v":1,"customer_id":"c-81","epoch":1795415000123,"seq":17,"as_of":1795415998,"model":{"behaviour":12},
     "segments":{"behaviour":{"id":"behaviour-k7q2","since":1795000000,"score":0.83}},"audiences":["win-back"],
     "consent":{"ads":false,"personalisation":true,"analytics":true}}

Compact JSON with the fields in this order: the store's compare-and-set finds epoch and seq by their position.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from streamseg.membership.types import Consent, Membership, OutboxEntry

VERSION: Final = 1

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Membership)
_AFTER_AS_OF: Final = b',"model":'
"""What follows `as_of`. Quotes in the customer id are escaped, so it cannot contain this."""
_NO_ANALYTICS: Final = b',"analytics":false}}'
"""How a membership ends without consent to analytics."""
_ORDER: Final = re.compile(rb'","epoch":(\d+),"seq":(\d+),')
"""The first match is right after the customer id: quotes in the id are escaped, so it cannot contain `","`."""


def encode(membership: Membership) -> bytes:
    """Return the membership string."""
    segments = [
        segment_json(segmentation, *((None, 0, 0.0) if one is None else (one.id, one.since, one.score)))
        for segmentation, one in membership.segments.items()
    ]
    string_of = encoder_at(membership.epoch, membership.as_of, membership.model)
    audiences = audiences_json(membership.audiences)
    return string_of(membership.customer_id, membership.seq, segments, audiences, consent_json(membership.consent))


def encoder_at(
    epoch: int, as_of: int, model: Mapping[str, int]
) -> Callable[[str, int, Iterable[str], str, str], bytes]:
    """Return a function that encodes membership strings of one look; their shared parts are encoded once.

    It takes the customer id, seq, the result of `segment_json` for each segmentation, that of `audiences_json`, and
    that of `consent_json`.
    """
    shared = f',"as_of":{as_of},"model":{_json(model)},"segments":{{'

    def string_of(customer_id: str, seq: int, segments: Iterable[str], audiences: str, consent: str) -> bytes:
        return (
            f'{{"v":{VERSION},"customer_id":{_json(customer_id)},"epoch":{epoch},"seq":{seq}{shared}'
            f'{",".join(segments)}}}{audiences},"consent":{consent}}}'
        ).encode()

    return string_of


def segment_json(segmentation: str, segment: str | None, since: int, score: float) -> str:
    """Encode a customer's segment (None: unassigned) in one segmentation. Neither name needs JSON escapes."""
    if segment is None:
        return f'"{segmentation}":null'
    return f'"{segmentation}":{{"id":"{segment}","since":{since},"score":{score}}}'


def audiences_json(audiences: Sequence[str] | None) -> str:
    """Encode the audiences as what follows the segments; nothing where none are declared. No id needs JSON escapes."""
    return "" if audiences is None else f',"audiences":{_json(audiences)}'


def consent_json(consent: Consent) -> str:
    """Encode a consent."""
    return _json(consent)


def _json(content: object) -> str:
    return _ENCODER.encode(content).decode()


def decode(string: bytes) -> Membership:
    """Decode a membership string; unknown fields are ignored. Raises `ValueError` if it is not one."""
    return _DECODER.decode(string)


def order_of(string: bytes) -> tuple[int, int] | None:
    """Return (epoch, seq) of a membership string, or None if it is not one. Ten times faster than `decode`."""
    found = _ORDER.search(string)
    return (int(found[1]), int(found[2])) if found else None


def change_record(entry: OutboxEntry) -> bytes | None:
    """Return the record value for the change topic: membership and changes, or None (a tombstone) for a deletion.

    Changes of audiences are in it only if there are any, the previous consent only if an answer changed.
    """
    if entry.membership is None:
        return None
    value = b'%b,"changes":%b}' % (entry.membership[:-1], _ENCODER.encode(entry.changes))
    if entry.audience_changes:
        value = b'%b,"audience_changes":%b}' % (value[:-1], _ENCODER.encode(entry.audience_changes))
    if entry.previous is None:
        return value
    return b'%b,"previous_consent":%b}' % (value[:-1], _ENCODER.encode(entry.previous))


def ends_learning(entry: OutboxEntry) -> bool:
    """Return whether the customer's samples must be deleted: erased, expired, or consent to analytics withdrawn."""
    if entry.membership is None:
        return True
    return entry.previous is not None and entry.previous.analytics and entry.membership.endswith(_NO_ANALYTICS)


def tombstone_headers(entry: OutboxEntry) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of a deletion's record, which has no value to hold this.

    >>> tombstone_headers(OutboxEntry("c-81", 7, 17, None, (), Consent(ads=True, personalisation=False)))
    (('epoch', b'7'), ('seq', b'17'), ('previous_ads', b'true'))
    """
    order = (("epoch", b"%d" % entry.epoch), ("seq", b"%d" % entry.seq))
    if entry.previous is None:
        return order
    return (*order, ("previous_ads", b"true" if entry.previous.ads else b"false"))


def history_record(entry: OutboxEntry) -> bytes:
    """Return the record value for the history: order, time and changes; for a deletion, what must be forgotten."""
    if entry.membership is None:
        order = {"v": VERSION, "customer_id": entry.customer_id, "epoch": entry.epoch, "seq": entry.seq}
        return _ENCODER.encode(order | {"forget": True})
    value = b'%b,"changes":%b}' % (entry.membership.partition(_AFTER_AS_OF)[0], _ENCODER.encode(entry.changes))
    if entry.audience_changes:
        value = b'%b,"audience_changes":%b}' % (value[:-1], _ENCODER.encode(entry.audience_changes))
    return value
