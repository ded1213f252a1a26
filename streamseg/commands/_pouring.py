"""What `replay` and `simulate` share: pouring events with a progress bar, and waiting for the workers."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import click

from streamseg.errors import StreamsegError

if TYPE_CHECKING:
    from streamseg.settings import Settings
    from streamseg.sources.event import SourceEvent
    from streamseg.sources.sending import SendProgress

CALM_LOOKS: Final = 6
"""So many looks in a row must find nothing left: workers send samples after they have taken the events, and look at
everybody again when a model was adopted."""
LOOK_SECONDS: Final = 0.5


class Speed(click.ParamType):
    """`max`, or a multiple of real time such as `100x`."""

    name = "speed"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """Seconds of event time per second; None for max."""
        from streamseg.sources.sending import parse_speed

        try:
            return parse_speed(str(value))
        except ValueError:
            self.fail(f"{value!r} is neither max nor a multiple such as 100x", param, ctx)


class Bar:
    """A progress bar on stderr; nothing where stderr is no terminal."""

    def __init__(self, what: str, total: float) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f}%  {task.fields[events]:,} events  {task.fields[rate]:,.0f}/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
            transient=True,
        )
        self._task = self._progress.add_task(what, total=total, events=0, rate=0.0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, done: float, poured: "SendProgress") -> None:
        """Move on to `done` of the total."""
        rate = poured.events / max(poured.seconds, 1e-9)
        self._progress.update(self._task, completed=done, events=poured.events, rate=rate)


async def pour_to_topics(
    settings: "Settings",
    events: Iterable["SourceEvent"],
    speed: float | None,
    sent: Callable[["SendProgress"], None],
    *,
    paced_from: float = 0.0,
    most_lag: int | None = None,
) -> "SendProgress":
    """Send the events, with heartbeats where clocks follow events.

    With `most_lag` it waits whenever the workers are more records behind than that.
    """
    from streamseg import wiring
    from streamseg.sources.sending import send_events
    from streamseg.topics import CLICKS

    partitions = 0
    if settings.clock == "event":
        lag = await asyncio.to_thread(wiring.group_lag, settings)
        partitions = sum(topic == CLICKS for topic, _ in lag)
    elif speed is None or speed > 1:
        click.echo(
            "the clock is on the wall: a past counts as this moment;"
            " with STREAMSEG_CLOCK=event, here and for the worker, its days pass",
            err=True,
        )
    looked = 0.0

    async def room() -> None:
        nonlocal looked
        if most_lag is None or time.monotonic() - looked < LOOK_SECONDS:
            return
        while sum((await asyncio.to_thread(wiring.group_lag, settings)).values()) > most_lag:
            await asyncio.sleep(LOOK_SECONDS)
        looked = time.monotonic()

    sink = wiring.event_sink(settings)
    try:
        return await send_events(
            events, sink, speed=speed, paced_from=paced_from, partitions=partitions, before_send=room, on_sent=sent
        )
    finally:
        await sink.close()


async def pour_to_file(
    out: Path, events: Iterable["SourceEvent"], sent: Callable[["SendProgress"], None]
) -> "SendProgress":
    """Write the events as JSON Lines."""
    from streamseg.sources.native_format import FileSink
    from streamseg.sources.sending import send_events

    sink = FileSink(out)
    try:
        return await send_events(events, sink, on_sent=sent)
    finally:
        await sink.close()


def wait_until_absorbed(settings: "Settings", patience_seconds: float) -> None:
    """Return when the workers have committed all records of the input topics and the samples.

    Raises:
        StreamsegError: nothing was taken for as long as the patience lasts.
    """
    from streamseg.wiring import group_lag

    calm, least, moved = 0, float("inf"), time.monotonic()
    while calm < CALM_LOOKS:
        lag = group_lag(settings)
        left = sum(lag.values())
        calm = calm + 1 if left == 0 else 0
        if left < least:
            least, moved = left, time.monotonic()
        elif left and time.monotonic() - moved > patience_seconds:
            where = ", ".join(f"{topic}/{partition}: {count}" for (topic, partition), count in lag.items() if count)
            raise StreamsegError(
                f"{left} records are waiting ({where}) and none was taken for {patience_seconds:g} s: "
                "is a worker running?"
            )
        time.sleep(LOOK_SECONDS)


def answer(poured: "SendProgress", as_json: bool, **rest: object) -> None:
    """Print what was done: one JSON document, or one line."""
    from streamseg.sources.event import rfc3339

    times = {
        name: None if at is None else rfc3339(at) for name, at in (("first", poured.first), ("latest", poured.latest))
    }
    told = asdict(poured) | times | {"events_per_second": round(poured.events / max(poured.seconds, 1e-9), 1)} | rest
    if as_json:
        click.echo(json.dumps(told))
        return
    extra = "".join(f", {name} {value}" for name, value in rest.items())
    click.echo(
        f"{poured.events:,} events from {times['first']} to {times['latest']} in {poured.seconds:.1f} s"
        f" ({told['events_per_second']:,.0f}/s){extra}"
    )
