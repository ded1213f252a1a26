"""Runs a command in a terminal of 80 columns, and checks what it prints."""

from collections.abc import Callable
from typing import Any

from click.testing import CliRunner, Result

from streamseg.commands import streamseg
from streamseg.errors import StreamsegError

WIDTH = 80
LONG = "a-very-long-name-" * 6
AT = 1_795_415_998
DAY = "2026-11-23T"
"""Of `AT`."""


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(streamseg, arguments)
    if result.exception is not None and not isinstance(result.exception, (SystemExit, StreamsegError)):
        raise result.exception
    return result


def assert_fits(text: str) -> None:
    assert text.strip()
    assert [line for line in text.splitlines() if len(line) > WIDTH] == []
    assert "\N{HORIZONTAL ELLIPSIS}" not in text, "cut instead of folded"
    assert "17954" not in text, "a time in epoch seconds"


def answer(value: Any) -> Callable[..., Any]:
    async def answered(*_: object) -> Any:
        return value

    return answered
