"""Sends events to the topics or to a file, and waits for the workers: shared by `replay` and `simulate`."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streamseg.commands._text import folded, say
from streamseg.errors import StreamsegError

if TYPE_CHECKING:
    from streamseg.ports import OutgoingRecord
    from streamseg.settings import Settings
    from streamseg.sources.event import SourceEvent
    from streamseg.sources.known_events import ClosableSink
    from streamseg.sources.sending import SendProgress

POLLS_WITHOUT_LAG: Final = 6
"""Polls in a row that must find no lag. Workers send samples after the events, and assign everybody again after a new
model, so one poll without lag can be too early."""
POLL_SECONDS: Final = 0.5
MANY_RECORDS: Final = 100_000
"""Records of a topic from which a line says that they are read before anything is sent."""
SILENT_SECONDS: Final = 3.0
"""Time without an acknowledgement after which a line says that we wait."""
SAY_SECONDS: Final = 5.0
"""Time between two lines about how far the workers are."""


async def send_to_topics(
    settings: "Settings",
    events: Iterable["SourceEvent"],
    speed: float | None,
    sent: Callable[["SendProgress"], None],
    *,
    paced_from: float = 0.0,
    most_lag: int | None = None,
    resend: bool = True,
) -> "SendProgress":
    """Send the events, then heartbeats that say so, and others when clocks follow event time.

    `sent` receives the progress.

    `paced_from`: event time, epoch seconds, from which `speed` applies. `most_lag`: pause while the workers are more
    records behind than this. `resend`: False leaves out events that the topics already hold, and counts them as
    `known`.
    """
    from streamseg.sources.known_events import NewEventsSink
    from streamseg.sources.sending import send_events
    from streamseg.topics import CLICKS
    from streamseg.wiring.kafka_clients import event_sink, group_lag, new_events_sink, topic_ids

    _, partitions = (await topic_ids(settings))[CLICKS]
    if settings.clock != "event" and (speed is None or speed > 1):
        click.echo(
            folded(
                "clock = wall: all past events count as happening now;"
                " set STREAMSEG_CLOCK=event here and for the worker to let their days pass"
            ),
            err=True,
        )
    polled_at = 0.0

    async def room() -> None:
        nonlocal polled_at
        if most_lag is None or time.monotonic() - polled_at < POLL_SECONDS:
            return
        while sum((await asyncio.to_thread(group_lag, settings)).values()) > most_lag:
            await asyncio.sleep(POLL_SECONDS)
        polled_at = time.monotonic()

    producer = _ReportingSink(event_sink(settings))
    sink = producer if resend else new_events_sink(settings, producer, _say_reading)
    try:
        progress = await send_events(
            events,
            sink,
            speed=speed,
            paced_from=paced_from,
            partitions=partitions,
            moves_clocks=settings.clock == "event",
            before_send=room,
            on_sent=sent,
        )
    finally:
        await sink.close()
    if isinstance(sink, NewEventsSink):
        progress.known = sink.known
        progress.events -= sink.known
    return progress


def _say_reading(topic: str, records: int) -> None:
    if records >= MANY_RECORDS:
        line = f"reading {records:,} records of {topic} to leave out known events (--resend: no)"
        click.echo(folded(line), err=True)


class _ReportingSink:
    """A producer that prints a line when Kafka takes long to acknowledge."""

    def __init__(self, sink: "ClosableSink") -> None:
        self._sink = sink

    async def send(self, records: "Sequence[OutgoingRecord]") -> None:
        """See the port."""
        sending = asyncio.ensure_future(self._sink.send(records))
        done, _ = await asyncio.wait([sending], timeout=SILENT_SECONDS)
        if not done:
            click.echo(f"Kafka has acknowledged nothing for {SILENT_SECONDS:g} s; waiting for it", err=True)
        await sending

    async def close(self) -> None:
        """Close the producer."""
        await self._sink.close()


async def write_to_file(
    out: Path, events: Iterable["SourceEvent"], sent: Callable[["SendProgress"], None]
) -> "SendProgress":
    """Write the events as JSON Lines; `sent` receives the progress."""
    from streamseg.sources.reading.native_format import FileSink
    from streamseg.sources.sending import send_events

    sink = FileSink(out)
    try:
        return await send_events(events, sink, on_sent=sent)
    finally:
        await sink.close()


def wait_until_absorbed(settings: "Settings", patience_seconds: float) -> None:
    """Block until the workers have committed all present records of the input topics, and all samples.

    What others send meanwhile is not waited for: workers go on sending probes.

    Raises:
        StreamsegError: the lag did not shrink for `patience_seconds`.
    """
    from streamseg.wiring.kafka_clients import group_lag, input_ends

    ends = input_ends(settings)
    without_lag, least, shrunk_at, said_at = 0, float("inf"), time.monotonic(), time.monotonic()
    while without_lag < POLLS_WITHOUT_LAG:
        lag = group_lag(settings, ends)
        left = sum(lag.values())
        without_lag = without_lag + 1 if left == 0 else 0
        if left < least:
            least, shrunk_at = left, time.monotonic()
        elif left and time.monotonic() - shrunk_at > patience_seconds:
            where = ", ".join(f"{topic}/{partition}: {count}" for (topic, partition), count in lag.items() if count)
            raise StreamsegError(
                f"lag of {left} records ({where}) did not shrink for {patience_seconds:g} s: is a worker running?"
            )
        if left and time.monotonic() - said_at > SAY_SECONDS:
            said_at = time.monotonic()
            click.echo(f"waiting for the workers: {left:,} records left", err=True)
        time.sleep(POLL_SECONDS)


def wait_until_relearned(settings: "Settings", patience_seconds: float) -> None:
    """Block until the models are relearned on what was sent, if it was a backfill, and everybody is settled by them.

    A line says it if that takes longer than `patience_seconds`: the events are taken all the same.
    """
    from streamseg.wiring.build_service import out_of_step

    began_at = time.monotonic()
    while (partitions := asyncio.run(out_of_step(settings))) > 0:
        if time.monotonic() - began_at > patience_seconds:
            click.echo(folded(f"{partitions} partitions still wait for the models to be relearned"), err=True)
            return
        time.sleep(POLL_SECONDS)
    wait_until_absorbed(settings, patience_seconds)


def print_sent(sent: "SendProgress", as_json: bool, **further: object) -> None:
    """Print what was sent: one JSON document, or one line."""
    from streamseg.sources.event import rfc3339

    times = {name: None if at is None else rfc3339(at) for name, at in (("first", sent.first), ("latest", sent.latest))}
    rate = {"events_per_second": round(sent.events / max(sent.seconds, 1e-9), 1)}
    if as_json:
        click.echo(json.dumps(asdict(sent) | times | rate | further))
        return
    extra = "".join(f", {name} {value}" for name, value in further.items() if not isinstance(value, Mapping))
    say(
        f"{sent.events:,} events from {times['first']} to {times['latest']} in {sent.seconds:.1f} s"
        f" ({rate['events_per_second']:,.0f}/s){extra}"
    )
    for name, counts in further.items():
        if isinstance(counts, Mapping) and counts:
            listed = ", ".join(f"{reason} {count:,}" for reason, count in counts.items())
            say(f"{name.replace('_', ' ')}: {listed}")
