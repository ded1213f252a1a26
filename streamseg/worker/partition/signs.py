"""What a partition shows of itself while it works: the newest probe at each stage, and what it waits for."""

import time
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from streamseg.topics import INPUT_TOPICS

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
    "dead_letters": "Kafka, for dead letters",
    "delivery": "the delivery of earlier changes",
    "newer_owner": "a newer owner of the partition",
    "takeover": "the delivery of what the last owner left",
}
AT_ONCE: Final[frozenset[Reason]] = frozenset({"store", "kafka", "newer_owner"})
"""Waits that a healthy partition never has. The others come with work, and pass."""
PASSING_SECONDS: Final = 10.0
"""How long a wait that comes with work may last before `streamseg status` tells it."""


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
        """When the checkpoint of the input topics last moved, epoch seconds; 0 before."""
        self._delivered: dict[str, int] = {}
        self.read_until: dict[str, float] = {}
        """By topic, when Kafka got the last record that was delivered, epoch seconds."""
        self._since: dict[Reason, float] = {}
        """When each present wait began, monotonic seconds."""

    def saw(self, stage: Stage, sent_at: float | None) -> None:
        """Note a probe, or none, at a stage."""
        if sent_at is not None:
            self.probes[stage] = max(sent_at, self.probes.get(stage, sent_at))

    def delivered(self, checkpoint: Mapping[str, int], now: float) -> None:
        """Note what a delivery lets be committed, at a wall time; one that moves no input topic is no progress."""
        reached = {topic: checkpoint[topic] for topic in INPUT_TOPICS if topic in checkpoint}
        if reached and reached != {topic: self._delivered.get(topic) for topic in reached}:
            self._delivered |= reached
            self.delivered_at = now

    def begin_wait(self, reason: Reason) -> None:
        """Show that the partition waits until `end_wait`; once, however often it is called."""
        self._since.setdefault(reason, time.monotonic())

    def end_wait(self, reason: Reason) -> None:
        """Show that a wait is over, if there was one."""
        self._since.pop(reason, None)

    def waits_for(self, reason: Reason) -> bool:
        """Return whether the partition waits for this now."""
        return reason in self._since

    def waited(self) -> dict[str, float]:
        """Return for whom the partition waits, and for how many seconds so far; not what passes by itself soon."""
        now = time.monotonic()
        waits = {reason: now - since for reason, since in self._since.items()}
        return {WHOM[one]: seconds for one, seconds in waits.items() if one in AT_ONCE or seconds >= PASSING_SECONDS}
