"""What a subscriber answered to an attempt, and what that means for the next one."""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

GONE: Final = 410
BUSY: Final = (429, 503)
"""Statuses whose `Retry-After` is heeded."""
LONGEST_PAUSE_SECONDS: Final = 86_400.0
"""A subscriber can put deliveries off for at most this long."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A subscriber's answer: the status, and the header `Retry-After` if there is one."""

    status: int
    retry_after: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the subscriber has taken the message."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's success

    @property
    def gone(self) -> bool:
        """Whether the subscriber wants no more messages (Standard Webhooks)."""
        return self.status == GONE

    def pause(self, now: float) -> float | None:
        """Return for how many seconds the subscriber wants no messages, at most a day; None when it did not say.

        `Retry-After` is a number of seconds or an HTTP date (RFC 9110, 10.2.3).

        >>> Answer(429, "120").pause(now=1795415998.0)
        120.0
        >>> Answer(503, "Mon, 23 Nov 2026 06:40:58 GMT").pause(now=1795415998.0)
        60.0
        >>> Answer(500, "120").pause(now=1795415998.0) is Answer(429, "soon").pause(now=1795415998.0) is None
        True
        """
        if self.status not in BUSY or self.retry_after is None:
            return None
        given = self.retry_after.strip()
        if given.isascii() and given.isdigit():
            return min(float(given[:12]), LONGEST_PAUSE_SECONDS)
        try:
            wait = parsedate_to_datetime(given).timestamp() - now
        except (ValueError, OverflowError):
            return None
        return min(max(wait, 0.0), LONGEST_PAUSE_SECONDS)
