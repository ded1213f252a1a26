"""Adds a click `session_start` before the first click of each visit, for files that only name the visits."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from streamseg.sources.event import SourceEvent
from streamseg.sources.reading.line_identity import fitting


class _Click(msgspec.Struct):
    session_id: str | None = None
    event_name: str = ""


_read = msgspec.json.Decoder(_Click).decode
_read_all = msgspec.json.Decoder(dict[str, Any]).decode


def with_session_starts(events: Iterable[SourceEvent]) -> Iterator[SourceEvent]:
    """Yield the events; before the first click of a customer's `session_id` a `session_start` at its time."""
    started: set[tuple[str, str]] = set()
    for event in events:
        if event.kind == "click":
            click = _read(event.value)
            visit = (event.customer_id, click.session_id or "")
            if click.session_id and visit not in started:
                started.add(visit)
                if click.event_name != "session_start":
                    yield _start(event, click.session_id)
        yield event


def _start(event: SourceEvent, session_id: str) -> SourceEvent:
    whole = _read_all(event.value)
    kept = {name: whole[name] for name in ("device_category", "anonymous_id") if name in whole}
    event_id = fitting(f"session_start-{session_id}")
    body = {"event_id": event_id, "customer_id": event.customer_id, "occurred_at": whole["occurred_at"]}
    value = msgspec.json.encode(body | {"event_name": "session_start", "session_id": session_id} | kept)
    return event._replace(event_id=event_id, value=value)
