"""`streamseg status`: whether memberships are fresh and right, on one screen."""

import asyncio
import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from streamseg.commands import Invocation
from streamseg.commands._options import Duration, json_option
from streamseg.commands._text import columns
from streamseg.errors import ServerUnavailableError, StreamsegError

if TYPE_CHECKING:
    from streamseg.service.status import Status
    from streamseg.service.status_judgement import Problem
    from streamseg.settings import Settings

Look = tuple["Status", "list[Problem]"]


@click.command("status")
@click.option("--watch", is_flag=True, help="Look again and again, until Ctrl-C.")
@click.option(
    "--every", type=Duration(), default="5s", show_default=True, metavar="SECONDS", help="Time between two looks."
)
@click.option(
    "--late",
    type=Duration(),
    default="60s",
    show_default=True,
    metavar="SECONDS",
    help="An event that waits for longer is not right.",
)
@json_option
@click.pass_obj
def command(invocation: Invocation, *, watch: bool, every: float, late: float, as_json: bool) -> None:
    """Show who works, what waits, how fresh memberships are, and what is not right.

    Reads Kafka, Redis and what workers report of themselves; changes nothing. The exit code is 1 when something is not
    right, and 3 when Kafka or Redis is away.
    """
    settings = invocation.settings
    if not watch:
        look = _look(settings, late)
        _print(look, settings.kafka.group, as_json=as_json)
    elif as_json:
        raise click.UsageError("--json prints one document: leave out --watch")
    else:
        look = _watch(settings, every, late)
    _judge(look)


def _look(settings: "Settings", late_seconds: float) -> Look:
    from streamseg.service.status_judgement import problems
    from streamseg.wiring.build_status import read_status

    status = asyncio.run(read_status(settings))
    return status, problems(status, late_seconds=late_seconds, bound_seconds=settings.membership.bound_seconds)


def _print(look: Look, group: str, *, as_json: bool) -> None:
    from dataclasses import asdict

    from rich.console import Console

    from streamseg.commands._status_screen import render

    status, found = look
    if as_json:
        click.echo(json.dumps(status.as_json([asdict(one) for one in found])))
    else:
        Console(width=columns(), highlight=False).print(render(status, found, group))


def _watch(settings: "Settings", every: float, late: float) -> Look:
    """Draw until Ctrl-C; return the last look."""
    from rich.console import Console
    from rich.live import Live

    from streamseg.commands._status_screen import render

    look = _look(settings, late)
    console = Console(width=columns(), highlight=False)
    with suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(render(*look, settings.kafka.group), refresh=True)
            time.sleep(every)
            look = _look(settings, late)
    return look


def _judge(look: Look) -> None:
    status, found = look
    if status.away:
        raise ServerUnavailableError("; ".join(status.away))
    if found:
        raise StreamsegError("; ".join(one.text for one in found))
