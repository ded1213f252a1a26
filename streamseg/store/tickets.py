"""How a ticket is named: a keyed hash of the customer and the day, so that it tells nothing and needs no second key."""

import hmac
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final

SECRET_BYTES: Final = 32
NAME_BYTES: Final = 24


def new_secret() -> bytes:
    """What names are made with; shared by all processes, and private."""
    return secrets.token_bytes(SECRET_BYTES)


def named(secret: bytes, customer_id: str, now: float, ttl_seconds: int) -> str:
    """The customer's ticket of this period, which is as long as a ticket is good.

    Args:
        secret: from `new_secret`.
        customer_id: whose it is.
        now: wall time, epoch seconds.
        ttl_seconds: how long a ticket is good after it was last given.
    """
    period = int(now // ttl_seconds)
    digest = hmac.new(secret, f"{period} {customer_id}".encode(), sha256).digest()
    return urlsafe_b64encode(digest[:NAME_BYTES]).decode()
