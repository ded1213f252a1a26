"""Draws specs by vl-convert, which needs no browser and no network, and gives the scripts that draw them in a page."""

import asyncio
import atexit
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import Any, Final

import msgspec

from streamseg.console.charts.engine import LENGTH_BYTES, Question
from streamseg.errors import StreamsegError

WIDTH: Final = 860
"""Pixels of a chart that is downloaded; in a page it takes the width that there is."""
PADDING: Final = {"left": 28, "top": 12, "right": 16, "bottom": 12}
"""Pixels around it; labels at the left may be wider in the font of who looks than where they were measured."""
LOCALES: Final = {"en": "en-GB", "nl": "nl-NL", "sv": "sv-SE"}
"""Of d3, by language."""
SCALE: Final = 2.0
"""Pixels of a PNG for one of the chart, so that it is sharp on a slide."""

_ONE_AT_A_TIME: Final = ThreadPoolExecutor(1, thread_name_prefix="drawing")


class DrawingError(StreamsegError):
    """The process that draws has ended before its answer."""


class Engine:
    """The process of `engine.py`, begun with the first question. Called by one thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, asked: Question) -> bytes:
        """Return the answer. Raises `DrawingError`; the next question begins another process."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode(asked) + b"\n")
            process.stdin.flush()
            size = int.from_bytes(process.stdout.read(LENGTH_BYTES))
            drawn = process.stdout.read(size)
        except OSError as error:
            self.end()
            raise DrawingError(f"a chart was not drawn: {error}") from None
        if not drawn or len(drawn) < size:
            self.end()  # it may still be ending, and would take the next question with it
            raise DrawingError("a chart was not drawn: its process has ended")
        return drawn

    def end(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            with suppress(OSError), self._process:  # a question that it did not take is written at the end
                pass
            self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.end()
            command = [sys.executable, "-m", "streamseg.console.charts.engine"]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - ours
        return self._process


_ENGINE: Final = Engine()
atexit.register(_ENGINE.end)


async def svg(spec: Mapping[str, Any], language: str) -> bytes:
    """Return the chart as SVG, its numbers and days written as in a language. Raises `DrawingError`."""
    return await _asked(Question("svg", _fixed(spec), {**_locale(language)}))


async def png(spec: Mapping[str, Any], language: str) -> bytes:
    """Return the chart as PNG, its numbers and days written as in a language. Raises `DrawingError`."""
    return await _asked(Question("png", _fixed(spec), {"scale": SCALE, **_locale(language)}))


async def scripts() -> bytes:
    """Return Vega, Vega-Lite and Vega-Embed as one script. It is made once. Raises `DrawingError`."""
    return await asyncio.get_running_loop().run_in_executor(_ONE_AT_A_TIME, _bundle)


async def _asked(question: Question) -> bytes:
    return await asyncio.get_running_loop().run_in_executor(_ONE_AT_A_TIME, _ENGINE.ask, question)


@cache
def _bundle() -> bytes:
    return _ENGINE.ask(Question("scripts"))


def _locale(language: str) -> dict[str, str]:
    name = LOCALES.get(language, LOCALES["en"])
    return {"format_locale": name, "time_format_locale": name}


def _fixed(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {**spec, "width": WIDTH, "background": "white", "padding": PADDING}
