"""Configures logging: plain lines for people, or one JSON object per line for machines."""

import json
import logging
import time
from collections.abc import Callable
from typing import IO, Final

QUIET = ("aiokafka", "faust", "mode", "asyncio")
"""Libraries of which only warnings and errors are logged."""

REMINDER_SECONDS: Final = 60.0
"""Interval between log lines during an outage."""
OUTAGE_SIGNS: Final = (
    "KafkaConnectionError",
    "NodeNotReadyError",
    "Unable connect to node",
    "Unable to update metadata",
    "arking coordinator dead",
    "arking the coordinator dead",
    "keepalive is not responding",
    "not found in cluster metadata",
)
"""Substrings of the messages that aiokafka logs, 40 a second, while its broker is away."""


class OutageFilter(logging.Filter):
    """Reduces the messages of a Kafka outage to one line at its start and one a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._since: float | None = None
        self._logged_at = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log the record; rewrites the message of the records that it keeps."""
        if not record.name.startswith(QUIET) or not any(sign in record.getMessage() for sign in OUTAGE_SIGNS):
            return True
        now = self._clock()
        if self._since is None:
            self._since = self._logged_at = now
            record.msg, record.args = "Kafka does not answer (%s); retrying until it does", (record.getMessage(),)
            return True
        if now - self._logged_at < REMINDER_SECONDS:
            return False
        self._logged_at = now
        record.msg, record.args = "Kafka has not answered for %.0f s", (now - self._since,)
        return True

    @property
    def seconds(self) -> float | None:
        """How long the outage lasts; None without one."""
        return None if self._since is None else self._clock() - self._since

    def end(self) -> float | None:
        """End the outage; return its seconds, None if none was logged. Called when Kafka has answered."""
        since, self._since = self._since, None
        return self._clock() - since if since is not None else None


KAFKA_OUTAGE: Final = OutageFilter()
"""One per process, because logging is global."""


class OutageLog:
    """Logs that something waits for a server: at once, then once a minute, and when it goes on.

    Args:
        log: the logger of the module that waits.
        who: what waits, as the line's first words.
        whom: what it waits for.
    """

    def __init__(self, log: logging.Logger, who: str, whom: str) -> None:
        self._log = log
        self._who = who
        self._whom = whom
        self._since: float | None = None
        self._logged_at = 0.0

    def waits(self, error: BaseException, *, traceback: bool = False) -> None:
        """Report another failed attempt; `traceback`: log that of the error, too."""
        now = time.monotonic()
        if self._since is None:
            self._since = self._logged_at = now
            told = error if traceback else None
            reason = str(error) or type(error).__name__
            self._log.warning("%s waits for %s: %s", self._who, self._whom, reason, exc_info=told)
        elif now - self._logged_at >= REMINDER_SECONDS:
            self._logged_at = now
            self._log.warning("%s has waited for %s for %.0f s", self._who, self._whom, now - self._since)

    def over(self) -> None:
        """Report that an attempt succeeded; says nothing where none had failed."""
        if self._since is not None:
            self._log.info("%s continues after %.1f s", self._who, time.monotonic() - self._since)
            self._since = None

    def end(self) -> None:
        """Forget the outage, without a line."""
        self._since = None


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: time (epoch seconds), level, logger, message, error."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logs(style: str, level: str, stream: IO[str]) -> None:
    """Send all logs to `stream`, in the style `text` or `json`."""
    handler = logging.StreamHandler(stream)
    handler.addFilter(KAFKA_OUTAGE)
    if style == "json":
        handler.setFormatter(JsonFormatter())
    else:
        formatter = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        formatter.converter = time.gmtime
        handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
