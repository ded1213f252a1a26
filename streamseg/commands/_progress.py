"""Progress on stderr: bars where it is a terminal, and lines that say what takes long."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

import click

from streamseg.commands._text import folded

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

    from streamseg.sources.sending import SendProgress


FIRST_LINE_SECONDS: Final = 2.0
NEXT_LINE_SECONDS: Final = 10.0
"""A task that is done within `FIRST_LINE_SECONDS` prints nothing; then it prints a line at this interval."""


@contextmanager
def working(what: str) -> Iterator[None]:
    """While the block runs, say on a terminal that `what` takes its time: after 2 s, then every 10 s."""
    if not sys.stderr.isatty():
        yield
        return
    done, started = threading.Event(), time.monotonic()

    def report() -> None:
        pause = FIRST_LINE_SECONDS
        while not done.wait(pause):
            click.echo(folded(f"{what} ({time.monotonic() - started:.0f} s)"), err=True)
            pause = NEXT_LINE_SECONDS

    reporter = threading.Thread(target=report, daemon=True)
    reporter.start()
    try:
        yield
    finally:
        done.set()
        reporter.join()


def progress_bar(*columns: "str | ProgressColumn") -> "Progress":
    """A bar that disappears at its end; without `columns`, rich's usual ones."""
    from rich.console import Console
    from rich.progress import Progress

    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


class SendingBar:
    """The progress of events being sent, with their number and rate."""

    def __init__(self, task: str, total: float) -> None:
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

        self._progress = progress_bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f}%  {task.fields[events]:,} events  {task.fields[rate]:,.0f}/s"),
            TimeRemainingColumn(),
        )
        self._task = self._progress.add_task(task, total=total, events=0, rate=0.0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, done: float, sent: "SendProgress") -> None:
        """Show `done` of the total, and the events sent so far."""
        rate = sent.events / max(sent.seconds, 1e-9)
        self._progress.update(self._task, completed=done, events=sent.events, rate=rate)
