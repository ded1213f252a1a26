"""Runs the demo: reads the measures, draws the screen, and prints the result at the end."""

import asyncio
import json
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.live import Live

from streamseg.commands import Invocation
from streamseg.commands._text import folded
from streamseg.commands.demo._measures import Measures
from streamseg.commands.demo._processes import History, Processes, running
from streamseg.commands.demo._screen import render
from streamseg.errors import StreamsegError
from streamseg.ports import Log
from streamseg.settings import Settings
from streamseg.topics import MEMBERSHIPS
from streamseg.wiring.build_audiences import count, read_sizes
from streamseg.wiring.build_repair import topic_reader as reader
from streamseg.wiring.build_service import read_catalogue

MEASURES_SECONDS: Final = 1.0
FRAME_SECONDS: Final = 0.25
LINES_ABOVE: Final = 7
"""Lines of the screen that stay free for the address of the console and the curl call."""


def run(
    invocation: Invocation,
    history: History,
    *,
    seconds: float | None,
    kafka: str | None,
    redis: str | None,
    logs: Path | None,
    as_json: bool,
) -> None:
    """Run until `seconds` have passed or Ctrl-C; then print the result."""
    with running(invocation, history, kafka, redis, logs) as processes:
        measures, started = Measures(declared=dict.fromkeys(processes.settings.declared, ())), time.monotonic()
        shown = processes.console or "needs `pip install 'streamseg[console]'`"
        click.echo(f"the console, in your browser: {shown}\n", err=as_json)
        click.echo(f"{processes.asks}; ask in another terminal:\n\n{processes.curl}\n", err=as_json)
        with suppress(KeyboardInterrupt):
            asyncio.run(_watch(processes, measures, None if seconds is None else started + seconds, quiet=as_json))
        result = _result(measures, time.monotonic() - started)
        if as_json:
            result["ari"] = _ari(processes)
            result["audiences"] = _audiences(processes.settings)
    click.echo(json.dumps(result) if as_json else _summary(result, measures.audiences))


async def _watch(processes: Processes, measures: Measures, until: float | None, *, quiet: bool) -> None:
    """Update measures and screen until `until` (monotonic clock). Raises `StreamsegError` when a process ends."""
    kafka, redis = processes.settings.kafka.bootstrap, processes.settings.redis.shown_url
    addresses = f"Kafka {kafka} · Redis {redis} · {processes.metrics_url}"
    measured_at = 0.0
    async with reader(processes.settings) as log:
        changes = _Changes(log, await log.partitions(MEMBERSHIPS))
        console = Console(stderr=quiet, quiet=quiet)
        with Live(console=console, refresh_per_second=4, transient=True) as live:
            while until is None or time.monotonic() < until:
                processes.check()
                for value in await changes.next():
                    measures.take_change(value)
                if time.monotonic() - measured_at > MEASURES_SECONDS:
                    measured_at = time.monotonic()
                    await asyncio.to_thread(measures.read_metrics, processes.metrics_url)
                    await _read_segments(processes.settings, measures)
                    measures.audiences = await read_sizes(processes.settings)
                live.update(render(measures, addresses, console.width, console.height - LINES_ABOVE))
                await asyncio.sleep(FRAME_SECONDS)


class _Changes:
    """Reads the memberships topic from its start, without a consumer group."""

    def __init__(self, log: Log, partitions: int) -> None:
        self._log = log
        self._next = dict.fromkeys(range(partitions), 0)

    async def next(self) -> list[bytes]:
        """Values of the records since the last call; none while Kafka does not answer."""
        values: list[bytes] = []
        with suppress(StreamsegError):
            for partition, offset in self._next.items():
                first, end = await self._log.bounds(MEMBERSHIPS, partition)
                async for records in self._log.read(MEMBERSHIPS, partition, max(first, offset), end):
                    values += [record.value for record in records if record.value is not None]
                self._next[partition] = end
        return values


async def _read_segments(settings: Settings, measures: Measures) -> None:
    """Read the segments that are not retired, largest first: those that were found, and the declared ones."""
    catalogue = await read_catalogue(settings)
    present = [{"id": segment, **entry} for segment, entry in catalogue.items() if entry["retired"] is None]
    present.sort(key=lambda one: -int(one["size"]))
    measures.segments = [one for one in present if one["segmentation"] not in measures.declared]
    for name in measures.declared:
        measures.declared[name] = [one for one in present if one["segmentation"] == name and one["size"]]


def _result(measures: Measures, elapsed_seconds: float) -> dict[str, Any]:
    return {
        "events": measures.events,
        "rejected": measures.rejected,
        "events_per_second": round(measures.events / elapsed_seconds, 1),
        "latency_seconds": {"p50": measures.p50, "p99": measures.p99},
        "customers": measures.customers,
        "segments": [_told(one) for one in measures.segments],
        "declared_segments": [_told(one) for segments in measures.declared.values() for one in segments],
        "moves": measures.moves,
    }


def _told(segment: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": segment["id"], "label": segment["label"], "size": segment["size"]}


def _audiences(settings: Settings) -> list[dict[str, Any]]:
    """How many customers of each audience reach its use."""
    _, _, counts = asyncio.run(count(settings))
    names = ("id", "matched", "known", "consented", "exported")
    return [{name: getattr(counted, name) for name in names} for counted in counts.values()]


def _ari(processes: Processes) -> float | None:
    """Agreement with the true groups; None without scikit-learn or without events."""
    done = subprocess.run(  # noqa: S603  our own command
        processes.command_line("evaluate", "--truth", str(processes.truth), "--json"),
        capture_output=True,
        check=False,
        start_new_session=True,
    )
    if done.returncode:
        (processes.folder / "evaluate.log").write_bytes(done.stderr)
        return None
    return round(float(json.loads(done.stdout)["ari"]), 4)


def _summary(result: dict[str, Any], audiences: Mapping[str, int]) -> str:
    shown = [*result["segments"], *result["declared_segments"]]
    lines = [f"{one['size']:>7,}  {one['label']}  ({one['id']})" for one in shown]
    counts = f"{result['events']:,} events of {result['customers']:,} customers, {result['moves']:,} moves"
    lines += [f"{size:>7,}  {name}, an audience" for name, size in audiences.items()]
    return folded("\n".join([counts, *lines]), indent=" " * 9)
