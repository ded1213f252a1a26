"""Limit the event streams of a process: in all, and of each API key, customer and ticket."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from streamseg.api.http.problems import Problem

RETRY_SECONDS: Final = (5, 15)
"""Retry-After of a refused stream: a random number in this range, so that pages do not come back together."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a stream is opened with. `key_id` is empty for tickets without a key."""

    ticket: str
    customer_id: str
    key_id: str


class StreamLimits:
    """Counts open streams.

    Args:
        total: the most streams of the process.
        per_key: of one API key.
        per_customer: of one customer.
        per_ticket: of one ticket, which is of one customer, key and day.
    """

    def __init__(self, total: int, *, per_key: int, per_customer: int, per_ticket: int) -> None:
        self._total = total
        self._per_key = per_key
        self._per_customer = per_customer
        self._per_ticket = per_ticket
        self._open: Counter[tuple[str, str]] = Counter()
        self.open = 0
        """The number of open streams."""

    def check(self, subject: Subject) -> None:
        """Raise `Problem` 429 with Retry-After when no further stream may be opened."""
        if self.open >= self._total:
            raise _too_many("in this process")
        if self._open["ticket", subject.ticket] >= self._per_ticket:
            raise _too_many("with this ticket: share one stream between the tabs of a browser")
        if self._open["customer", subject.customer_id] >= self._per_customer:
            raise _too_many("of this customer")
        if subject.key_id and self._open["key", subject.key_id] >= self._per_key:
            raise _too_many("of this API key")

    @contextmanager
    def counted(self, subject: Subject) -> Iterator[None]:
        """Count a stream while the context is open."""
        places = [("ticket", subject.ticket), ("customer", subject.customer_id), ("key", subject.key_id)]
        self.open += 1
        self._open.update(places)
        try:
            yield
        finally:
            self.open -= 1
            for place in places:
                self._open[place] -= 1
                if not self._open[place]:
                    del self._open[place]


def _too_many(whose: str) -> Problem:
    seconds = random.randint(*RETRY_SECONDS)  # noqa: S311 - not for security
    return Problem(429, f"too many event streams are open {whose}", headers={b"retry-after": b"%d" % seconds})
