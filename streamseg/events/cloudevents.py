"""Writes and checks CloudEvents headers in Kafka's binary mode: the event is the value, its metadata are headers.

Source: CloudEvents specification 1.0.2, Kafka Protocol Binding, sections 3.2 and 3.3. We always write the headers and
never require them: a plain JSON record is accepted too.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, TypeAlias

from streamseg.events.types import KINDS

Headers: TypeAlias = tuple[tuple[str, bytes], ...]

HEARTBEAT_TYPE: Final = "streamseg.heartbeat.v1"
PROBE_TYPE: Final = "streamseg.probe.v1"
MEMBERSHIP_TYPE: Final = "streamseg.membership.changed.v1"
EVENT_CE_TYPES: Final = tuple(f"streamseg.{kind}.v1" for kind in KINDS)
"""`ce_type` of each kind, in the order of `KINDS`."""

JSON: Final = b"application/json"
_STRUCTURED: Final = b"application/cloudevents"


def binary_headers(kind: str, event_id: str, occurred_at: float, source: str = "streamseg") -> Headers:
    """Return the headers of one outgoing event.

    Args:
        kind: `click`, `purchase`, ..., or a full type such as `MEMBERSHIP_TYPE`.
        event_id: unique within the source.
        occurred_at: epoch seconds.
        source: URI reference of the sender (`ce_source`).
    """
    return headers_at(kind, occurred_at, source)(event_id)


def headers_at(kind: str, occurred_at: float, source: str = "streamseg") -> Callable[[str], Headers]:
    """Return a function from event id to headers, for events that share all headers except `ce_id`.

    The arguments are those of `binary_headers`. The shared headers are encoded once, not per event.
    """
    ce_type = kind if "." in kind else f"streamseg.{kind}.v1"
    time = datetime.fromtimestamp(occurred_at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    version = ("ce_specversion", b"1.0")
    others = (
        ("ce_source", source.encode()),
        ("ce_type", ce_type.encode()),
        ("ce_time", time.encode()),
        ("content-type", JSON),
    )

    def headers_of(event_id: str) -> Headers:
        return (version, ("ce_id", event_id.encode()), *others)

    return headers_of


def envelope_fault(headers: Mapping[str, bytes | None], ce_type: bytes) -> str | None:
    """Return what is wrong with the headers of a record of type `ce_type`, or None if they are valid."""
    content = headers.get("content-type")
    if content is not None and content != JSON:
        media = content.split(b";")[0].strip().lower()
        if media.startswith(_STRUCTURED):
            return "content-type: structured CloudEvents are not supported; send binary mode"
        if media != JSON:
            return f"content-type: must be {JSON.decode()}"
    version = headers.get("ce_specversion")
    if version is not None and not version.startswith(b"1."):
        return "ce_specversion: must be 1.x"
    named = headers.get("ce_type")
    if named != ce_type and (named is not None or version is not None):
        return f"ce_type: must be {ce_type.decode()} on this topic"
    return None
