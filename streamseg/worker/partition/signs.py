"""What a partition shows of itself while it works: the newest probe at each stage, and what it waits for."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Literal, TypeAlias

Stage: TypeAlias = Literal["read", "flushed", "delivered"]
"""read: taken from the inbox; flushed: the checkpoint in the store is beyond it; delivered: readers can see it."""
Reason: TypeAlias = Literal["store", "kafka", "dead_letters", "delivery", "newer_owner", "takeover"]

REASONS: Final[tuple[Reason, ...]] = ("store", "kafka", "dead_letters", "delivery", "newer_owner", "takeover")
"""store: a call to the store; kafka: the acknowledgement of change records; dead_letters: that of rejected records;
delivery: earlier flushes are not delivered; newer_owner: another worker claimed the partition; takeover: what the last
owner left is delivered first."""

WHOM: Final[Mapping[Reason, str]] = {
    "store": "Redis",
    "kafka": "Kafka",
    "newer_owner": "a newer owner of the partition",
}
"""Those that a healthy partition does not wait for, in words. The other waits pass by themselves."""


class Signs:
    """The signs of one partition. They outlive its resets, so that one that resets again and again looks stuck."""

    def __init__(self) -> None:
        self.probes: dict[Stage, float] = {}
        """When the newest probe that each stage has seen was sent, epoch seconds of wall time."""
        self.oldest_membership: float | None = None
        """Wall time of the oldest membership that the latest sweep left, epoch seconds; None before, and without."""
        self.oldest_as_of: float | None = None
        """Its `as_of`, in the partition's clock."""
        self.outbox_flushes = 0
        """Flushes in the outbox."""
        self.delivered_at = 0.0
        """When the checkpoint last moved, epoch seconds; 0 before."""
        self.read_until: dict[str, float] = {}
        """By topic, when Kafka got the last record that was delivered, epoch seconds."""
        self._waits: Counter[Reason] = Counter()
        self._since: dict[Reason, float] = {}
        """When each present wait began, monotonic seconds."""

    def saw(self, stage: Stage, sent_at: float | None) -> None:
        """Note a probe, or none, at a stage."""
        if sent_at is not None:
            self.probes[stage] = max(sent_at, self.probes.get(stage, sent_at))

    @contextmanager
    def waiting(self, reason: Reason) -> Iterator[None]:
        """Show that the partition waits, for as long as the context is open."""
        self._since.setdefault(reason, time.monotonic())
        self._waits[reason] += 1
        try:
            yield
        finally:
            self._waits[reason] -= 1
            if not self._waits[reason]:
                del self._since[reason]

    def begin_wait(self, reason: Reason) -> None:
        """Show that the partition waits until `end_wait`; once, however often it is called."""
        self._since.setdefault(reason, time.monotonic())
        self._waits[reason] = 1

    def end_wait(self, reason: Reason) -> None:
        """Show that a wait is over, if there was one."""
        self._waits[reason] = 0
        self._since.pop(reason, None)

    def waits_for(self, reason: Reason) -> bool:
        """Return whether the partition waits for this now."""
        return self._waits[reason] > 0

    def waited(self) -> dict[str, float]:
        """Return for whom of `WHOM` the partition waits, and for how many seconds so far."""
        now = time.monotonic()
        return {whom: now - self._since[reason] for reason, whom in WHOM.items() if reason in self._since}
