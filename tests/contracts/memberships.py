"""A membership as the stores write it."""

from streamseg.membership.encoding import encode
from streamseg.membership.types import Consent, Membership, OutboxEntry


def written(customer_id: str, seq: int) -> OutboxEntry:
    return OutboxEntry(customer_id, 7, seq, encode(Membership(customer_id, 7, seq, 0, {}, {}, Consent(False, True))))
