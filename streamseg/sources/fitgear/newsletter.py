"""Who reads FitGear's newsletter: a list of hashed e-mail addresses, of customers who are there and who will come."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

_EACH: Final = 3
"""One customer of so many reads it."""


def email_hash(customer_id: str) -> str:
    """Return the SHA-256 of a customer's e-mail address, in hexadecimal digits: nobody has one of these addresses.

    >>> email_hash("fg-000001")[:16]
    '963975566cc1d8d5'
    """
    return sha256(f"{customer_id}@fitgear.example".encode()).hexdigest()


def newsletter(customers: int) -> Iterator[str]:
    """Yield the lines of the list."""
    return (email_hash(customer_id_of(number)) for number in range(0, customers, _EACH))


def customer_id_of(number: int) -> str:
    """Return the id of a customer of FitGear, numbered from 0."""
    return f"fg-{number:06}"
