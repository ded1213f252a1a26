"""The demo's processes and servers: brought up, watched, and ended without a trace."""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from rich.console import Console
from rich.live import Live

from streamseg.commands.demo._figures import Figures
from streamseg.commands.demo._screen import render
from streamseg.embedded import EmbeddedBroker, EmbeddedStore
from streamseg.embedded.child import Child, free_port, listens
from streamseg.errors import StreamsegError
from streamseg.kafka.admin import TopicAdmin
from streamseg.kafka.client_config import client_config
from streamseg.settings import Settings
from streamseg.topics import MEMBERSHIPS
from streamseg.wiring.build_service import read_catalogue

READY_SECONDS: Final = 30.0
FIGURES_SECONDS: Final = 1.0
FRAME_SECONDS: Final = 0.25
FAST_DAYS: Final = 45
"""So many days of history are sent at full speed, so that the segments are there soon."""
MOST_LAG: Final = 10_000
"""Records: the embedded broker keeps about 14,000 of a partition and drops older ones without a word."""


@dataclass(frozen=True, slots=True)
class Play:
    """What is played: a shop of so many customers, from so many days ago, at a multiple of real time."""

    customers: int
    days: int
    speed: str
    seed: int


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs."""

    settings: Settings
    metrics_url: str
    curl: str
    """A line that looks a customer up over HTTP."""
    folder: Path
    worker: Child
    simulator: Child

    @property
    def truth(self) -> Path:
        """Who really belongs where."""
        return self.folder / "truth.csv"


def run(
    settings: Settings,
    play: Play,
    *,
    seconds: float | None,
    kafka: str | None,
    redis: str | None,
    logs: Path | None,
    as_json: bool,
) -> None:
    """Play until the time is over or Ctrl-C; then print the figures."""
    with _stage(settings, play, kafka, redis, logs) as stage, _changes(stage.settings) as changes:
        figures, started = Figures(), time.monotonic()
        click.echo(f"try: {stage.curl}", err=as_json)
        with suppress(KeyboardInterrupt):
            _watch(stage, figures, changes, None if seconds is None else started + seconds, quiet=as_json)
        result = _result(figures, time.monotonic() - started)
        if as_json:
            result["ari"] = _ari(stage)
    click.echo(json.dumps(result) if as_json else _farewell(result))


@contextmanager
def _stage(settings: Settings, play: Play, kafka: str | None, redis: str | None, logs: Path | None) -> Iterator[Stage]:
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="streamseg-demo-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if logs is not None:
            stack.callback(_keep, folder, logs)
        bootstrap = kafka or stack.enter_context(EmbeddedBroker()).bootstrap
        url = redis or stack.enter_context(EmbeddedStore()).url
        port = free_port()
        environment = {
            "STREAMSEG_KAFKA__BOOTSTRAP": bootstrap,
            "STREAMSEG_REDIS__URL": url,
            "STREAMSEG_CLOCK": "event",
            "STREAMSEG_WORKER__METRICS_PORT": str(port),
            "STREAMSEG_API__LEAVE_SECONDS": "0",
        }
        chosen = settings.model_copy(
            update={
                "clock": "event",
                "kafka": settings.kafka.model_copy(update={"bootstrap": bootstrap}),
                "redis": settings.redis.model_copy(update={"url": url}),
            }
        )
        if kafka is not None:
            TopicAdmin(chosen.kafka).create()
        command = ["env", *(f"{name}={value}" for name, value in environment.items())]
        command += [sys.executable, "-m", "streamseg.commands"]
        api_port = free_port()
        api = Child("api", [*command, "api", "--port", str(api_port)], folder)
        stack.callback(api.stop)
        api.start(lambda: listens(api_port), READY_SECONDS)
        made = subprocess.run(  # noqa: S603
            [*command, "keys", "create", "demo", "--json"], capture_output=True, check=False, text=True
        )
        if made.returncode:
            raise StreamsegError(made.stderr.strip().rpartition("\n")[2].removeprefix("streamseg: "))
        key = json.loads(made.stdout)["key"]
        curl = f"curl -H 'Authorization: Bearer {key}' http://127.0.0.1:{api_port}/v1/customers/fg-000001/segments"
        worker = Child("worker", [*command, "worker"], folder)
        stack.callback(worker.stop)
        worker.start(lambda: listens(port), READY_SECONDS)
        # fmt: off
        simulate = [
            "simulate", "--customers", str(play.customers), "--days", str(play.days), "--seed", str(play.seed),
            "--speed", play.speed, "--fast-days", str(FAST_DAYS), "--most-lag", str(MOST_LAG),
            "--truth", str(folder / "truth.csv"),
        ]
        # fmt: on
        simulator = Child("simulator", [*command, *simulate], folder)
        stack.callback(simulator.kill)
        simulator.start(lambda: True, 1.0)
        yield Stage(chosen, f"http://127.0.0.1:{port}/metrics", curl, folder, worker, simulator)


@contextmanager
def _changes(settings: Settings) -> Iterator[Consumer]:
    consumer = Consumer({**client_config(settings.kafka), "group.id": "streamseg-demo", "enable.auto.commit": False})
    partitions = consumer.list_topics(MEMBERSHIPS, timeout=10.0).topics[MEMBERSHIPS].partitions
    consumer.assign([TopicPartition(MEMBERSHIPS, number, OFFSET_BEGINNING) for number in partitions])
    try:
        yield consumer
    finally:
        consumer.close()


def _watch(stage: Stage, figures: Figures, changes: Consumer, until: float | None, *, quiet: bool) -> None:
    console = Console(stderr=quiet, quiet=quiet)
    addresses = f"Kafka {stage.settings.kafka.bootstrap} · Redis {stage.settings.redis.shown_url} · {stage.metrics_url}"
    asked = 0.0
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        while until is None or time.monotonic() < until:
            if not stage.worker.running:
                last = stage.worker.log.read_text(errors="replace").strip().splitlines()[-1:]
                raise StreamsegError(f"the worker ended: {last[0] if last else 'it said nothing'}")
            for message in changes.consume(2_000, FRAME_SECONDS):
                if message.error() is None and message.value() is not None:
                    figures.take_change(message.value())
            if time.monotonic() - asked > FIGURES_SECONDS:
                asked = time.monotonic()
                figures.read_metrics(stage.metrics_url)
                figures.segments = _segments(stage.settings)
            live.update(render(figures, addresses))


def _segments(settings: Settings) -> list[dict[str, object]]:
    catalogue = asyncio.run(read_catalogue(settings))
    living = [{"id": segment, **entry} for segment, entry in catalogue.items() if entry["retired"] is None]
    return sorted(living, key=lambda one: -int(one["size"]))


def _result(figures: Figures, elapsed_seconds: float) -> dict[str, object]:
    return {
        "events": figures.events,
        "rejected": figures.rejected,
        "events_per_second": round(figures.events / elapsed_seconds, 1),
        "latency_seconds": {"p50": figures.p50, "p99": figures.p99},
        "customers": figures.customers,
        "segments": [{"id": one["id"], "label": one["label"], "size": one["size"]} for one in figures.segments],
        "moves": figures.moves,
    }


def _ari(stage: Stage) -> float | None:
    """Agreement with the truth, None where scikit-learn is not installed or nothing was played yet."""
    settings = stage.settings
    done = subprocess.run(  # noqa: S603  ourselves
        [
            *["env", f"STREAMSEG_REDIS__URL={settings.redis.url}"],
            *[f"STREAMSEG_KAFKA__BOOTSTRAP={settings.kafka.bootstrap}"],
            *["STREAMSEG_CLOCK=event", sys.executable, "-m", "streamseg.commands"],
            *["evaluate", "--truth", str(stage.truth), "--json"],
        ],
        capture_output=True,
        check=False,
        start_new_session=True,
    )
    if done.returncode:
        (stage.folder / "evaluate.log").write_bytes(done.stderr)
        return None
    return round(float(json.loads(done.stdout)["ari"]), 4)


def _keep(folder: Path, logs: Path) -> None:
    logs.mkdir(parents=True, exist_ok=True)
    for log in folder.glob("*.log"):
        shutil.copy(log, logs / log.name)


def _farewell(result: dict[str, object]) -> str:
    segments = result["segments"]
    assert isinstance(segments, list)
    lines = [f"{one['size']:>7,}  {one['label']}  ({one['id']})" for one in segments]
    told = f"{result['events']:,} events of {result['customers']:,} customers, {result['moves']:,} moves"
    return "\n".join([told, *lines])
