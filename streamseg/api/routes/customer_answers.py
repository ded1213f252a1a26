"""The empty answer, the rule for customer ids, and what a browser may see of a membership."""

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

import msgspec

from streamseg.api.http.problems import Problem

_ID: Final = re.compile(r"[^\s{}]{1,256}")

Shown = Callable[[str], bool]
"""Whether a segment, by id, may be shown."""


def check_customer_id(customer_id: object, field: str = "id") -> str:
    """The id, when it can be one: 1-256 printable characters, no white space, no braces. Raises `Problem` 422."""
    if isinstance(customer_id, str) and _ID.fullmatch(customer_id) and customer_id.isprintable():
        return customer_id
    raise Problem(
        422, "a customer id is a text of 1-256 printable characters without white space and braces", field=field
    )


def unknown(customer_id: str) -> dict[str, Any]:
    """The ordinary answer for a customer of whom nothing is known."""
    return {"customer_id": customer_id, "known": False, "segments": {}}


def public_view(membership: bytes, shown: Shown) -> bytes:
    """What a browser sees: the segments that may be shown, none at all without consent to personalisation."""
    full = msgspec.json.decode(membership)
    allowed = bool(full["consent"]["personalisation"])
    return msgspec.json.encode(
        {
            "v": full["v"],
            "customer_id": full["customer_id"],
            "as_of": full["as_of"],
            "segments": {
                segmentation: standing
                for segmentation, standing in full["segments"].items()
                if allowed and standing is not None and shown(standing["id"])
            },
        }
    )


def path_of(customer_id: str) -> str:
    """The address of a customer's lookup."""
    return f"/v1/customers/{quote(customer_id, safe='')}/segments"
