"""The W3C header `traceparent`: which trace of the producer an event belongs to."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

HEADER: Final = "traceparent"
_FORM: Final = re.compile(rb"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_SAMPLED: Final = 1


class TraceParent(NamedTuple):
    """The producer's span, which ours follow."""

    trace_id: int
    span_id: int


def sampled_parent(headers: Sequence[tuple[str, bytes | None]]) -> TraceParent | None:
    """Return the producer's span if the header is there, valid, and says that the trace is sampled."""
    for name, value in headers:
        if name == HEADER and value is not None and (found := _FORM.fullmatch(value)) is not None:
            trace, span, flags = (int(part, 16) for part in found.groups())
            return TraceParent(trace, span) if trace and span and flags & _SAMPLED else None
    return None
