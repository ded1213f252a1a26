"""Logs on stderr: plain lines for people, one JSON object a line for machines."""

import json
import logging
import time
from collections.abc import Callable
from typing import IO, Final

QUIET = ("aiokafka", "faust", "mode", "asyncio")
"""Libraries whose daily business is not ours: only their warnings are shown."""

AGAIN_SECONDS: Final = 60.0
"""What goes on being true is said once in this time."""
OF_AN_OUTAGE: Final = (
    "KafkaConnectionError",
    "NodeNotReadyError",
    "Unable connect to node",
    "Unable to update metadata",
    "arking coordinator dead",
    "arking the coordinator dead",
    "keepalive is not responding",
)
"""Of these aiokafka writes forty lines a second while its broker is away."""


class OutageFilter(logging.Filter):
    """Lets one line through when Kafka goes away, and one a minute while it stays away, instead of all."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._since: float | None = None
        self._said_at = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written; the first one is put into our own words."""
        if not record.name.startswith(QUIET) or not any(sign in record.getMessage() for sign in OF_AN_OUTAGE):
            return True
        now = self._clock()
        if self._since is None:
            self._since = self._said_at = now
            record.msg, record.args = "Kafka does not answer (%s); trying again until it does", (record.getMessage(),)
            return True
        if now - self._said_at < AGAIN_SECONDS:
            return False
        self._said_at = now
        record.msg, record.args = "Kafka has not answered for %.0f s", (now - self._since,)
        return True

    def over(self) -> float | None:
        """Kafka has answered: how many seconds it was away, None when nothing was said of that."""
        since, self._since = self._since, None
        return self._clock() - since if since is not None else None


KAFKA_OUTAGE: Final = OutageFilter()
"""The one of this process: logs are global."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (epoch seconds), level, logger, message, error."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
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
    """Send all logs to `stream`, as `text` or `json`."""
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
