"""Says when two purchases are the same order, for workers, `verify` and `replay` alike."""

from typing import Final

_NO_IDS: Final = frozenset(
    {"", "0", "-", "null", "none", "nil", "nan", "n/a", "na", "undefined", "unknown", "(not set)"}
)
"""What shops send for a transaction id that they do not have, in small letters."""
_LONGEST: Final = 16
"""Longer texts are ids, whatever they say: most ids need no closer look."""


def is_order_id(transaction_id: str) -> bool:
    """Return whether the text can identify an order: not a word for "missing", which many orders would share."""
    return len(transaction_id) > _LONGEST or transaction_id.strip().casefold() not in _NO_IDS


def names_an_order(event_name: str, transaction_id: str) -> bool:
    """Return whether a purchase is known by its transaction id. A refund is not: an order may have several."""
    return event_name != "refund" and is_order_id(transaction_id)
