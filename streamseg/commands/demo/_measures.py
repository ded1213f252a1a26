"""The measures that the demo shows, computed from the worker's metrics and the change records."""

import json
import time
import urllib.request
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

LATEST_MOVES: Final = 8
WINDOW_SECONDS: Final = 10.0


@dataclass(slots=True)
class Move:
    """One customer's change of segment; None stands for unassigned."""

    customer: str
    exited: str | None
    entered: str | None
    as_of: float


@dataclass(slots=True)
class Measures:
    """All measures of the demo.

    Latencies are in seconds, from an event's append time to its effect in Redis, over the last `WINDOW_SECONDS`. The
    history sent at full speed at the start waits in the log, so its latencies are not representative.
    """

    events: int = 0
    rejected: int = 0
    customers: int = 0
    events_per_second: float = 0.0
    p50: float | None = None
    p99: float | None = None
    moves: int = 0
    segments: Sequence[Mapping[str, Any]] = ()
    declared: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """Segments of each declared segmentation, the largest first."""
    audiences: Mapping[str, int] = field(default_factory=dict)
    """Members by name of the audience, the largest first."""
    latest: deque[Move] = field(default_factory=lambda: deque(maxlen=LATEST_MOVES))
    now: float = 0.0
    """Latest event time, epoch seconds."""
    _seen: deque[tuple[float, int, dict[float, float]]] = field(default_factory=deque)

    def read_metrics(self, url: str) -> None:
        """Update from the worker's /metrics; no change when it does not answer."""
        try:
            with urllib.request.urlopen(url, timeout=1.0) as answer:  # noqa: S310  our own worker's address
                text = answer.read().decode()
        except OSError:
            return
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

        def total(name: str) -> float:
            return sum(sample.value for sample in samples if sample.name == name)

        self.events = int(total("streamseg_intake_events_total"))
        self.rejected = int(total("streamseg_intake_rejected_total"))
        self.customers = int(total("streamseg_store_rows_in_memory"))
        buckets = {
            float(sample.labels["le"]): sample.value
            for sample in samples
            if sample.name == "streamseg_flow_event_to_membership_seconds_bucket"
        }
        now = time.monotonic()
        self._seen.append((now, self.events, buckets))
        while len(self._seen) > 1 and now - self._seen[0][0] > WINDOW_SECONDS:
            self._seen.popleft()
        then, before, earlier = self._seen[0]
        elapsed = now - then
        latest = [(edge, count - earlier.get(edge, 0.0)) for edge, count in buckets.items()]
        self.p50, self.p99 = quantile(latest, 0.5), quantile(latest, 0.99)
        self.events_per_second = (self.events - before) / elapsed if elapsed > 0 else 0.0

    def take_change(self, value: bytes) -> None:
        """Add one record of the memberships topic; moves are those between segments that were found."""
        membership = json.loads(value)
        found = (change for change in membership["changes"] if change["segmentation"] not in self.declared)
        changes = {change["change"]: change["segment"] for change in found}
        self.now = max(self.now, membership["as_of"])
        if "exited" in changes and "entered" in changes:
            self.moves += 1
        if changes:
            self.latest.appendleft(
                Move(membership["customer_id"], changes.get("exited"), changes.get("entered"), membership["as_of"])
            )


def quantile(buckets: Sequence[tuple[float, float]], q: float) -> float | None:
    """A quantile of a cumulative histogram, interpolated linearly as by Prometheus' `histogram_quantile`.

    `buckets`: (upper bound, count) pairs. Returns None without observations.
    """
    ordered = sorted(buckets)
    if not ordered or ordered[-1][1] == 0:
        return None
    rank = q * ordered[-1][1]
    for (low, below), (high, count) in pairwise([(0.0, 0.0), *ordered]):
        if count >= rank:
            if high == float("inf"):
                return low
            return low + (high - low) * (rank - below) / max(count - below, 1e-12)
    return None
