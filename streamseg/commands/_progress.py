"""Progress bars on stderr; they print nothing where stderr is not a terminal."""

import sys
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

    from streamseg.sources.sending import SendProgress


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
