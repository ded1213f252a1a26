"""Make webhook messages from change records, and sign them (Standard Webhooks 1.0)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Any

import msgspec
from standardwebhooks import Webhook

from streamseg.ports import Delivery, Subscriber


def deliveries_of(
    key: bytes, value: bytes | None, position: str, subscribers: Sequence[Subscriber], now: float
) -> list[Delivery]:
    """Return one delivery for each subscriber that wants this record of `streamseg.memberships`.

    A record that is read again gives the same message ids, so that it is queued only once.

    >>> crm = Subscriber("crm", "https://crm.example/hook", "whsec_c2VjcmV0", segments=("behaviour-*",))
    >>> value = b'''{"v":1,"customer_id":"c-81","epoch":7,"seq":17,"as_of":1795415998,
    ...     "model":{"behaviour":12},"segments":{},"consent":{"ads":false,"personalisation":true},
    ...     "changes":[{"segmentation":"behaviour","segment":"behaviour-k7q2","change":"entered"}]}'''
    >>> (delivery,) = deliveries_of(b"c-81", value, "0-5", [crm], now=1795415998.5)
    >>> delivery.message_id
    '962d37b750cb7307-7-17'
    >>> message = msgspec.json.decode(delivery.body)
    >>> message["type"], message["timestamp"]
    ('membership.changed', '2026-11-23T06:39:58.500Z')
    >>> [(change["segment"], change["change"]) for change in message["data"]["changes"]]
    [('behaviour-k7q2', 'entered')]

    A tombstone becomes a removal, for every subscriber:

    >>> (delivery,) = deliveries_of(b"c-81", None, "0-6", [crm], now=1795416000.0)
    >>> delivery.body
    '{"type":"membership.removed","timestamp":"2026-11-23T06:40:00.000Z","data":{"customer_id":"c-81"}}'

    Args:
        key: the record's key, the customer id.
        value: the membership with its `changes`; None for a tombstone.
        position: partition and offset of the record; part of the message id of a removal, which has no (epoch, seq).
        subscribers: all subscribers.
        now: epoch seconds.
    """
    customer = blake2b(key, digest_size=8).hexdigest()
    record = {"customer_id": key.decode()} if value is None else msgspec.json.decode(value)
    message_id = f"{customer}-{position}" if value is None else f"{customer}-{record['epoch']}-{record['seq']}"
    timestamp = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    made = []
    for subscriber in subscribers:
        content = {"customer_id": record["customer_id"]} if value is None else _changes_for(subscriber, record)
        if content is not None:
            kind = "membership.removed" if value is None else "membership.changed"
            body = msgspec.json.encode({"type": kind, "timestamp": timestamp, "data": content})
            made.append(Delivery(subscriber.id, message_id, body.decode()))
    return made


def signed_headers(delivery: Delivery, secret: str, now: float) -> dict[str, str]:
    """Return the headers of an attempt. The signature is an HMAC-SHA256 of message id, timestamp and body.

    >>> headers = signed_headers(Delivery("crm", "message-1", "{}"), "whsec_c2VjcmV0", now=1795415998.0)
    >>> headers["webhook-id"], headers["webhook-timestamp"]
    ('message-1', '1795415998')

    A subscriber decodes the part of its secret after `whsec_` and computes the same:

    >>> import base64, hmac
    >>> expected = hmac.digest(base64.b64decode("c2VjcmV0"), b"message-1.1795415998.{}", "sha256")
    >>> headers["webhook-signature"] == "v1," + base64.b64encode(expected).decode()
    True

    Args:
        delivery: the delivery to sign.
        secret: the subscriber's secret (`whsec_...`).
        now: epoch seconds.
    """
    moment = datetime.fromtimestamp(now, UTC)
    return {
        "content-type": "application/json",
        "webhook-id": delivery.message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(delivery.message_id, moment, delivery.body),
    }


def _changes_for(subscriber: Subscriber, record: dict[str, Any]) -> dict[str, Any] | None:
    """Return the content of a change message; None when the subscriber wants none of the changes."""
    may_enter = subscriber.purpose != "ads" or record["consent"]["ads"]
    changes = [
        change
        for change in record["changes"]
        if _wants(subscriber, change["segment"]) and (change["change"] == "exited" or may_enter)
    ]
    if not changes:
        return None
    return {name: record[name] for name in ("customer_id", "epoch", "seq", "as_of")} | {"changes": changes}


def _wants(subscriber: Subscriber, segment: str) -> bool:
    return not subscriber.segments or any(fnmatchcase(segment, pattern) for pattern in subscriber.segments)
