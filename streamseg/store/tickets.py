"""Makes the tickets of event streams: a keyed hash of customer and period, which reveals nothing.

A random ticket would need a second key in the store to give a customer the same one again.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final

SECRET_BYTES: Final = 32
TICKET_BYTES: Final = 24


def new_secret() -> bytes:
    """Return a random key for `ticket_of`. All processes on one store share it; nobody else may know it."""
    return secrets.token_bytes(SECRET_BYTES)


def ticket_of(secret: bytes, customer_id: str, now: float, ttl_seconds: int) -> str:
    """Return the customer's ticket of the period that `now` lies in.

    Args:
        secret: from `new_secret`.
        customer_id: the customer that the ticket leads to.
        now: wall time, epoch seconds.
        ttl_seconds: the lifetime of a ticket, and the length of a period.
    """
    period = int(now // ttl_seconds)
    digest = hmac.new(secret, f"{period} {customer_id}".encode(), sha256).digest()
    return urlsafe_b64encode(digest[:TICKET_BYTES]).decode()
