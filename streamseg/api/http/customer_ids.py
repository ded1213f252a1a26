"""Check customer ids in requests."""

import re
from typing import Final

from streamseg.api.http.problems import Problem

_ID: Final = re.compile(r"[^\s{}]{1,256}")


def check_customer_id(customer_id: object, field: str = "id") -> str:
    """Return the id if it is 1-256 printable characters without white space or braces.

    Raises:
        Problem: 422 that names `field`.
    """
    if isinstance(customer_id, str) and _ID.fullmatch(customer_id) and customer_id.isprintable():
        return customer_id
    raise Problem(422, "a customer id must have 1-256 printable characters, without white space or braces", field=field)
