"""Starts the demo's servers and processes, and stops and removes all of them at the end."""

import asyncio
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

from streamseg.commands import Invocation
from streamseg.commands.demo import _servers
from streamseg.embedded import EmbeddedBroker, EmbeddedStore
from streamseg.embedded.child import Child, free_port, listens
from streamseg.errors import StreamsegError
from streamseg.settings import AudienceSettings, Settings
from streamseg.sources.fitgear.newsletter import newsletter
from streamseg.wiring.demo_servers import for_demo, mark_redis
from streamseg.wiring.kafka_clients import create_topics

READY_SECONDS: Final = 30.0
SIMULATOR: Final = "simulator"
"""It ends at the end of its history."""
FAST_DAYS: Final = 45
"""Days of history that are sent at full speed, so that the first segments appear soon."""
AUDIENCES: Final = Path(__file__).parents[2] / "sources" / "fitgear" / "audiences.toml"
AUDIENCE_TABLE: Final = AudienceSettings(
    tracked={"visit": 3, "purchase.performance gear": 1}, spent_days=30, identifiers=("email",)
)
"""What rows keep for these."""
AUDIENCE_SETTINGS: Final = {
    "STREAMSEG_AUDIENCES__TRACKED": json.dumps(AUDIENCE_TABLE.tracked),
    "STREAMSEG_AUDIENCES__SPENT_DAYS": str(AUDIENCE_TABLE.spent_days),
    "STREAMSEG_AUDIENCES__IDENTIFIERS": json.dumps(AUDIENCE_TABLE.identifiers),
}
DECLARED: Final = ("status", "journey")
"""Packs of the demo's declared segmentations, beside those of the settings."""
MOST_LAG: Final = 10_000
"""Records. The embedded broker keeps about 14,000 per partition and silently drops older ones."""


@dataclass(frozen=True, slots=True)
class History:
    """The simulated history: customers, days before now, multiple of real time, seed."""

    customers: int
    days: int
    speed: float | None
    """Seconds of event time per second; None for full speed."""
    seed: int


@dataclass(frozen=True, slots=True)
class Processes:
    """The running worker, API, console and simulator."""

    settings: Settings
    environment: Mapping[str, str]
    file: Path | None
    """The settings file that was given, for all processes."""
    metrics_url: str
    curl: str
    """A shell command of one short line that looks up a customer over HTTP."""
    asks: str
    """What that command asks."""
    console: str | None
    """Address of the console; None where its libraries are not installed."""
    folder: Path
    children: list[Child]

    @property
    def truth(self) -> Path:
        """CSV file with the true groups."""
        return self.folder / "truth.csv"

    def check(self) -> None:
        """Raise `StreamsegError` with its last log line when a process has failed, or one that should run has ended."""
        for child in self.children:
            if child.failed or (not child.running and child.name != SIMULATOR):
                last = child.log.read_text(errors="replace").strip().splitlines()[-1:]
                raise StreamsegError(f"the {child.name} ended: {last[0] if last else 'its log is empty'}")

    def command_line(self, *arguments: str) -> list[str]:
        """The command line of a `streamseg` command on the demo's servers."""
        return command_line(self.environment, self.file, *arguments)


@contextmanager
def running(
    invocation: Invocation, history: History, kafka: str | None, redis: str | None, logs: Path | None
) -> Iterator[Processes]:
    """Run everything for the duration of the block; without `kafka` or `redis`, on embedded servers.

    Raises `StreamsegError` when a process does not start.
    """
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="streamseg-demo-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if logs is not None:
            stack.callback(_copy_logs, folder, logs)
        given = _servers.settings_for(invocation, kafka, redis)
        for name, address in (("Kafka", kafka), ("Redis", redis)):
            _say(f"starting {name}, embedded in this process" if address is None else f"connecting to {name}")
        asyncio.run(_servers.check(given, kafka=kafka is not None, redis=redis is not None))
        bootstrap = kafka or stack.enter_context(EmbeddedBroker()).bootstrap
        url = redis or stack.enter_context(EmbeddedStore()).url
        metrics_port, api_port = free_port(), free_port()
        chosen = for_demo(_servers.settings_for(invocation, bootstrap, url), AUDIENCE_TABLE, DECLARED)
        environment = {
            "STREAMSEG_KAFKA__BOOTSTRAP": bootstrap,
            "STREAMSEG_KAFKA__GROUP": chosen.kafka.group,
            "STREAMSEG_REDIS__URL": url,
            "STREAMSEG_CLOCK": "event",
            "STREAMSEG_WORKER__METRICS_PORT": str(metrics_port),
            "STREAMSEG_API__LEAVE_SECONDS": "0",
            **AUDIENCE_SETTINGS,
            # The settings' own are named too: the environment names all segmentations where a file names none.
            **{
                f"STREAMSEG_SEGMENTATIONS__{name.upper()}__PACK": one.pack
                for name, one in chosen.segmentations.items()
                if one.pack is not None
            },
        }
        if redis is not None:
            asyncio.run(mark_redis(chosen))
        if kafka is not None:
            create_topics(chosen)

        def child(name: str, *arguments: str) -> Child:
            return Child(name, command_line(environment, invocation.file, *arguments), folder)

        _say("starting the API")
        api = child("api", "api", "--port", str(api_port))
        stack.callback(api.stop)
        api.start(lambda: listens(api_port), READY_SECONDS)
        path = "/v1/customers/fg-000001/segments"
        call = folder / "curl"
        call.touch(mode=0o600)
        call.write_text(
            f'header = "Authorization: Bearer {_new_api_key(environment, invocation.file)}"\n'
            f'url = "http://127.0.0.1:{api_port}{path}"\nwrite-out = "\\n"\nsilent\nshow-error\n'
        )
        curl, asks = f"curl -K {shlex.quote(str(call))}", f"the API answers GET {path}"
        _say("declaring the audiences of FitGear")
        readers = folder / "newsletter.txt"
        readers.write_text("\n".join(newsletter(history.customers)))
        _output(environment, invocation.file, "lists", "add", "newsletter", str(readers), "--json")
        _output(environment, invocation.file, "audiences", "add", str(AUDIENCES), "--json")
        _say("starting a worker")
        worker = child("worker", "worker")
        stack.callback(worker.stop)
        worker.start(lambda: listens(metrics_port), READY_SECONDS)
        metrics_url = f"http://127.0.0.1:{metrics_port}/metrics"
        console, address = _start_console(child, stack)
        children = [api, worker, *console]
        processes = Processes(chosen, environment, invocation.file, metrics_url, curl, asks, address, folder, children)
        _say(f"sending the history of {history.customers:,} customers")
        # fmt: off
        simulator = child(
            SIMULATOR, "simulate", "--into-live", "--customers", str(history.customers), "--days", str(history.days),
            "--seed", str(history.seed), "--speed", _speed_text(history.speed), "--fast-days", str(FAST_DAYS),
            "--most-lag", str(MOST_LAG), "--truth", str(processes.truth),
        )
        # fmt: on
        stack.callback(simulator.kill)
        simulator.start(lambda: True, 1.0)
        processes.children.append(simulator)
        yield processes


def _start_console(child: Callable[..., Child], stack: ExitStack) -> tuple[list[Child], str | None]:
    """Start the console where its libraries are installed; return it and its address."""
    if find_spec("jinja2") is None or find_spec("vl_convert") is None:
        return [], None
    _say("starting the console")
    port = free_port()
    console = child("console", "console", "--demo", "--host", "127.0.0.1", "--port", str(port))
    stack.callback(console.stop)
    console.start(lambda: listens(port), READY_SECONDS)
    return [console], f"http://127.0.0.1:{port}"


def _say(what: str) -> None:
    click.echo(f"{what} ...", err=True)


def _speed_text(speed: float | None) -> str:
    return "max" if speed is None else f"{speed}x"


def command_line(environment: Mapping[str, str], file: Path | None, *arguments: str) -> list[str]:
    """The command line of a `streamseg` command with these environment variables and this settings file."""
    given = () if file is None else ("--settings", str(file))
    variables = (f"{name}={value}" for name, value in environment.items())
    return ["env", *variables, sys.executable, "-m", "streamseg.commands", *given, *arguments]


def _new_api_key(environment: Mapping[str, str], file: Path | None) -> str:
    return str(json.loads(_output(environment, file, "keys", "create", "demo", "--json"))["key"])


def _output(environment: Mapping[str, str], file: Path | None, *arguments: str) -> str:
    """Run a `streamseg` command; return what it prints. Raises `StreamsegError` with its last line if it fails."""
    done = subprocess.run(  # noqa: S603  our own command
        command_line(environment, file, *arguments), capture_output=True, check=False, text=True
    )
    if done.returncode:
        raise StreamsegError(done.stderr.strip().rpartition("\n")[2].removeprefix("streamseg: "))
    return done.stdout


def _copy_logs(folder: Path, logs: Path) -> None:
    logs.mkdir(parents=True, exist_ok=True)
    for log in folder.glob("*.log"):
        shutil.copy(log, logs / log.name)
