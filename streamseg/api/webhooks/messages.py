"""Make webhook messages from change records, and sign them (Standard Webhooks 1.0)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Any, Final

import msgspec
from standardwebhooks import Webhook

from streamseg.membership.contract import MembershipRecord
from streamseg.membership.purposes import audience_changes_for, changes_for
from streamseg.membership.types import AudienceChange, MembershipChange
from streamseg.ports import ChangeRecord, Delivery, Subscriber

_RECORD: Final = msgspec.json.Decoder(MembershipRecord)


@dataclass(frozen=True, slots=True)
class AdsAudiences:
    """The audiences that subscribers for ads may hear of."""

    versions: Mapping[str, int] = field(default_factory=dict)
    """Of all audiences for ads, dropped ones included, by id. Exits from them are always told."""
    large_enough: frozenset[str] = frozenset()
    """Those of whom enough members consent. Entries into others are not told."""


class Change:
    """A change record, and the messages that it means.

    Args:
        record: a membership with its changes, or a tombstone.

    Raises:
        ValueError: the record is not a change record.
    """

    def __init__(self, record: ChangeRecord) -> None:
        self._membership = None if record.value is None else _RECORD.decode(record.value)
        self._order: dict[str, Any] = {"customer_id": record.key.decode()}
        if self._membership is not None:
            self._order = {name: getattr(self._membership, name) for name in ("customer_id", "epoch", "seq", "as_of")}
        elif "epoch" in record.headers and "seq" in record.headers:  # tombstones of earlier releases have no headers
            self._order |= {name: int(record.headers[name] or b"") for name in ("epoch", "seq")}
        self._without_ads = record.headers.get("previous_ads") == b"false"
        self.customer = blake2b(self._order["customer_id"].encode(), digest_size=8).hexdigest()
        """First part of the customer's message ids."""
        place = "{}-{}".format(*self.order) if self.order else record.position
        self.message_id = f"{self.customer}-{place}"
        """Id of the messages. A record that is read again has the same one, so that it is queued only once."""

    @property
    def order(self) -> tuple[int, int] | None:
        """(epoch, seq); None for a tombstone of an earlier release."""
        return (self._order["epoch"], self._order["seq"]) if "epoch" in self._order else None

    def is_by(self, order: tuple[int, int]) -> bool:
        """Whether the change happened by (epoch, seq)."""
        return self.order is not None and self.order <= order

    @property
    def is_removal(self) -> bool:
        """Whether the customer was erased or has expired: no earlier message about them may be sent any more."""
        return self._membership is None

    @property
    def is_withdrawal(self) -> bool:
        """Whether consent to ads was withdrawn: no earlier message may be sent to ads subscribers any more."""
        if self._membership is None or self._membership.previous_consent is None:
            return False
        return self._membership.previous_consent.ads and not self._membership.consent.ads

    def deliveries(
        self,
        subscribers: Iterable[Subscriber],
        now: float,
        undelivered: Sequence[Delivery] = (),
        *,
        ads: AdsAudiences | None = None,
    ) -> list[Delivery]:
        """Return one delivery for each subscriber that may know of this change and wants it.

        >>> crm = Subscriber("crm", "https://crm.example/hook", "whsec_c2VjcmV0", segments=("behaviour-*",))
        >>> value = b'''{"v":1,"customer_id":"c-81","epoch":7,"seq":17,"as_of":1795415998,
        ...     "model":{"behaviour":12},"segments":{},"consent":{"ads":false,"personalisation":true},
        ...     "changes":[{"segmentation":"behaviour","segment":"behaviour-k7q2","change":"entered"}]}'''
        >>> (delivery,) = Change(ChangeRecord(b"c-81", value, "0-5")).deliveries([crm], now=1795415998.5)
        >>> delivery.message_id
        '962d37b750cb7307-7-17'
        >>> message = msgspec.json.decode(delivery.body)
        >>> message["type"], message["timestamp"]
        ('membership.changed', '2026-11-23T06:39:58.500Z')
        >>> [(change["segment"], change["change"]) for change in message["data"]["changes"]]
        [('behaviour-k7q2', 'entered')]

        A tombstone becomes a removal:

        >>> headers = {"epoch": b"7", "seq": b"18", "previous_ads": b"false"}
        >>> gone = Change(ChangeRecord(b"c-81", None, "0-6", headers))
        >>> msgspec.json.decode(gone.deliveries([crm], now=1795416000.0)[0].body)["data"]
        {'customer_id': 'c-81', 'epoch': 7, 'seq': 18}

        Args:
            subscribers: the subscribers to tell.
            now: epoch seconds.
            undelivered: for a removal or a withdrawal, the customer's queued and parked deliveries to ads subscribers.
                They are about to be deleted, so this change must tell what they would have.
            ads: the audiences that subscribers for ads may hear of; None for none.
        """
        timestamp = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        made = []
        for subscriber in subscribers:
            before = [each for each in undelivered if each.subscriber == subscriber.id]
            urgent = self.is_removal or (self.is_withdrawal and subscriber.purpose == "ads")
            content = self._content(subscriber, before, ads or AdsAudiences())
            if content is not None:
                kind = "membership.removed" if self.is_removal else "membership.changed"
                body = msgspec.json.encode({"type": kind, "timestamp": timestamp, "data": content})
                made.append(Delivery(subscriber.id, self.message_id, body.decode(), urgent=urgent))
        return made

    def _content(
        self, subscriber: Subscriber, undelivered: Sequence[Delivery], ads: AdsAudiences
    ) -> Mapping[str, Any] | None:
        if self._membership is None:
            unknown = subscriber.purpose == "ads" and self._without_ads and not undelivered
            return None if unknown else self._order
        changes, audiences = self._membership.changes, self._membership.audience_changes
        if subscriber.purpose == "ads":
            changes = tuple(changes_for(self._membership, "ads"))
            told = audience_changes_for(self._membership, "ads", ads.versions)
            audiences = tuple(one for one in told if one.change == "exited" or one.audience in ads.large_enough)
            if self.is_withdrawal:
                changes, audiences = _exits(changes, undelivered), _audience_exits(audiences, undelivered)
        wanted = [change for change in changes if _wants(subscriber.segments, subscriber.audiences, change.segment)]
        of_audiences = [one for one in audiences if _wants(subscriber.audiences, subscriber.segments, one.audience)]
        if not wanted and not of_audiences:
            return None
        content = self._order | {"changes": wanted}
        return content | {"audience_changes": of_audiences} if of_audiences else content


def _exits(exits: Iterable[MembershipChange], undelivered: Iterable[Delivery]) -> tuple[MembershipChange, ...]:
    """Return the exits, and those from all segments that undelivered messages name."""
    segments = dict.fromkeys((each.segmentation, each.segment) for each in exits)
    for delivery in undelivered:
        changes = msgspec.json.decode(delivery.body)["data"].get("changes", ())
        segments |= dict.fromkeys((each["segmentation"], each["segment"]) for each in changes)
    return tuple(MembershipChange(segmentation, segment, "exited") for segmentation, segment in segments)


def _audience_exits(exits: Iterable[AudienceChange], undelivered: Iterable[Delivery]) -> tuple[AudienceChange, ...]:
    """Return the exits, and those from all audiences that undelivered messages name."""
    audiences = {each.audience: each.version for each in exits}
    for delivery in undelivered:
        for each in msgspec.json.decode(delivery.body)["data"].get("audience_changes", ()):
            audiences.setdefault(each["audience"], each["version"])
    return tuple(AudienceChange(audience, version, "exited") for audience, version in audiences.items())


def _wants(patterns: Sequence[str], others: Sequence[str], name: str) -> bool:
    """Return whether one of the patterns fits; who names neither segments nor audiences wants all of both."""
    return not (patterns or others) or any(fnmatchcase(name, pattern) for pattern in patterns)


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
