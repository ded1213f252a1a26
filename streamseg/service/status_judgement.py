"""What is not right at a moment: one line for each kind of trouble, with the first thing to do."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from streamseg.service.status import PartitionFacts, Status

REJECTED_SHARE: Final = 0.05
"""A larger share of dead letters among the records of the last hour is not right."""
FEW_DEAD_LETTERS: Final = 20
"""Fewer in an hour say nothing about their share."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not right. `kind` is one of `KINDS`; `text` is one line for a person."""

    kind: str
    text: str


KINDS: Final = ("members", "partitions", "reports", "waits", "late", "samples", "old", "rejected")


def problems(status: Status, *, late_seconds: float, bound_seconds: float) -> list[Problem]:
    """Return what is not right, the causes before what follows from them.

    Args:
        status: the facts; what a server that is away would say is not judged.
        late_seconds: an event that waits for longer is late.
        bound_seconds: no membership may be older.
    """
    return [*_of_group(status), *_of_workers(status), *_of_lag(status, late_seconds), *_of_age(status, bound_seconds)]


def _of_group(status: Status) -> Iterator[Problem]:
    if status.kafka is None:
        return
    if not status.kafka.members:
        yield Problem("members", "no worker is in the consumer group: start `streamseg worker`")
        return
    free = [one.number for one in status.partitions if one.member is None]
    if free:
        yield Problem("partitions", f"{_numbers(free)}: no worker has it; a rebalance takes some seconds")
    if not any(one.trains for one in status.kafka.members):
        yield Problem("partitions", "no worker has the trainer's partition of streamseg.samples: nothing is learned")


def _of_workers(status: Status) -> Iterator[Problem]:
    if status.stored is None:
        return
    silent = [one.number for one in status.partitions if not one.reported]
    if silent and (status.kafka is None or status.kafka.members):
        yield Problem("reports", f"{_numbers(silent)}: the owner has not reported for 20 s; read the log of its worker")
    for report in status.workers:
        for wait in report.waits:
            who = report.owner if wait.partition is None else f"partition {wait.partition}"
            yield Problem("waits", f"{who} has waited for {wait.whom} for {wait.seconds:.0f} s")


def _of_lag(status: Status, late_seconds: float) -> Iterator[Problem]:
    late = [one for one in status.partitions if (one.lag_seconds or 0.0) > late_seconds]
    if late:
        records, oldest = sum(one.lag_records for one in late), max(map(_seconds, late))
        yield Problem(
            "late", f"{_numbers([one.number for one in late])}: {records:,} records wait, for up to {oldest:,.0f} s"
        )
    records, seconds = status.samples
    if (seconds or 0.0) > late_seconds:
        yield Problem("samples", f"the trainer is {records:,} samples and {seconds:,.0f} s behind")


def _seconds(one: PartitionFacts) -> float:
    return one.lag_seconds or 0.0


def _of_age(status: Status, bound_seconds: float) -> Iterator[Problem]:
    old = [one.number for one in status.partitions if (one.membership_seconds or 0.0) > bound_seconds]
    if old:
        oldest = status.oldest_membership_seconds or 0.0
        yield Problem(
            "old",
            f"{_numbers(old)}: memberships are up to {oldest:,.0f} s old, the bound is {bound_seconds:,.0f} s",
        )
    kafka, events = status.kafka, status.events_in_hour
    if kafka is None or events is None or kafka.dead_letters_in_hour < FEW_DEAD_LETTERS or not kafka.records_in_hour:
        return
    share = kafka.dead_letters_in_hour / max(events, kafka.dead_letters_in_hour)
    if share > REJECTED_SHARE:
        yield Problem(
            "rejected", f"{share:.0%} of the last hour's records were rejected: `streamseg dead-letters list`"
        )


def _numbers(numbers: Collection[int]) -> str:
    return f"partition{'s' * (len(numbers) > 1)} {ranges(numbers)}"


def ranges(numbers: Iterable[int]) -> str:
    """Return numbers in words: `0-3, 7`."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in found)
