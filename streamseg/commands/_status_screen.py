"""Draws `streamseg status` for the terminal: what is not right first, and no more rows than fit one screen."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from streamseg.commands._text import folded, folding_table, printable, utc
from streamseg.service.status_judgement import ranges

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from streamseg.ports import GroupMember, WorkerReport
    from streamseg.service.status import ModelFacts, PartitionFacts, Status
    from streamseg.service.status_judgement import Problem

ROWS: Final = 8
"""Of each table; the rest is counted. `--json` has all."""
WHOLE_SECONDS: Final = 10
"""From here on, tenths of a second say nothing."""
UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60))


def render(status: "Status", problems: "Sequence[Problem]", group: str) -> "RenderableType":
    """The whole screen, as wide as the terminal."""
    from rich.console import Group
    from rich.text import Text

    lines = [f"streamseg · group {group} · {utc(status.at)}"]
    troubles = [*(f"AWAY: {one}" for one in status.away), *(f"NOT RIGHT: {one.text}" for one in problems)]
    parts: list[RenderableType] = [
        *(Text(folded(one), "bold") for one in lines),
        *(Text(folded(one), "bold red") for one in troubles),
        *([] if troubles else [Text("All is right.", "bold green")]),
        Text(folded(_measures(status))),
    ]
    for table in (_workers(status), _partitions(status), _models(status), _segments(status)):
        if table is not None:
            parts += [Text(), table]
    return Group(*parts)


def age(seconds: float | None) -> str:
    """A span in its largest unit: `0.4 s`, `12 min`, `3 h`; `-` for None."""
    if seconds is None:
        return "-"
    for unit, length in UNITS:
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:,.0f} s" if seconds >= WHOLE_SECONDS else f"{seconds:,.1f} s"


def _measures(status: "Status") -> str:
    samples, behind = status.samples
    waiting = f"{samples:,}" + (f" for {age(behind)}" if behind is not None else "")
    letters = (
        "unknown"
        if status.kafka is None
        else f"{status.kafka.dead_letters:,}, {status.kafka.dead_letters_in_hour:,} in the last hour"
    )
    oldest = f"oldest event in no membership: {_event_age(status)}"
    memberships = f"oldest membership: {age(status.oldest_membership_seconds)}"
    return f"{oldest}   {memberships}\nsamples to learn: {waiting}   dead letters: {letters}"


def _event_age(status: "Status") -> str:
    seconds = status.freshness_seconds
    return "none" if seconds == 0.0 else age(seconds)


def _workers(status: "Status") -> "Table | None":
    members = list(status.kafka.members) if status.kafka else []
    by_member = {one.name: _report_of(one, status) for one in members}
    left = [report for report in status.workers if report not in by_member.values()]
    rows = [_worker(status, one.partitions, by_member[one.name], one) for one in members]
    rows += [_worker(status, [part.number for part in one.partitions], one, None) for one in left]
    return _table(("worker", "partitions", "up", "waits for"), rows)


def _report_of(member: "GroupMember", status: "Status") -> "WorkerReport | None":
    numbers = set(member.partitions)
    mine = [one for one in status.workers if numbers & {part.number for part in one.partitions}]
    return max(mine, key=lambda one: one.at, default=None)


def _worker(
    status: "Status", numbers: Iterable[int], report: "WorkerReport | None", member: "GroupMember | None"
) -> tuple[str, ...]:
    name = report.owner if report else member.name if member else ""
    trains = member.trains if member else bool(report and report.trains)
    where = "" if member or status.kafka is None else " (not in the group)"
    waits = "" if report is None else ", ".join(f"{one.whom} {age(one.seconds)}" for one in report.waits)
    up = age(status.at - report.started_at) if report else "no report"
    return name + where + (" (trains)" if trains else ""), ranges(numbers) or "none", up, waits


def _partitions(status: "Status") -> "Table | None":
    """Those with a lag, the greatest first; without any, one line says so."""
    behind = sorted((one for one in status.partitions if one.lag_records), key=lambda one: -one.lag_records)
    if status.kafka is None or not behind:
        return None
    rows = [_partition(one) for one in behind]
    return _table(("partition", "records that wait", "oldest", "oldest membership"), rows, right=3)


def _partition(one: "PartitionFacts") -> tuple[str, ...]:
    return str(one.number), f"{one.lag_records:,}", age(one.lag_seconds), age(one.membership_seconds)


def _models(status: "Status") -> "Table | None":
    if status.stored is None:
        return None
    rows = [_model(status, one) for one in status.stored.models]
    return _table(("segmentation", "model", "segments", "learned until"), rows)


def _model(status: "Status", one: "ModelFacts") -> tuple[str, ...]:
    version = f"version {one.version}" if one.version else "none yet"
    seconds = status.model_seconds(one)
    learned = "-" if one.learned_until is None else f"{utc(one.learned_until)} ({age(seconds)} ago)"
    return (
        one.segmentation,
        version if one.warm or not one.version else f"{version}, warming up",
        f"{one.segments}",
        learned,
    )


def _segments(status: "Status") -> "Table | None":
    stored = status.stored
    if stored is None:
        return None
    rows = [(f"{size:,}", f"{stored.labels[segment]}  {segment}") for segment, size in stored.sizes.items()]
    return _table(("customers", "segment"), rows)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: int = 0) -> "Table | None":
    """A table of the first rows, and how many more there are; the last `right` columns are aligned to the right."""
    from rich.text import Text

    if not rows:
        return None
    shown = folding_table(*headings, right=headings[len(headings) - right :])
    for row in rows[:ROWS]:
        shown.add_row(*(Text(printable(cell), overflow="fold") for cell in row))
    if len(rows) > ROWS:
        shown.add_row(*(Text(cell) for cell in (f"{len(rows) - ROWS:,} more: --json", *[""] * (len(headings) - 1))))
    return shown
