"""Options that several benchmarks share."""

from collections.abc import Callable, Sequence
from typing import Any

import click


def choices_option(flag: str, name: str, choices: Sequence[str], subject: str) -> Callable[..., Any]:
    """Return a repeatable option that takes some of `choices`, by default all; its help begins with `subject`."""
    return click.option(
        flag,
        name,
        type=click.Choice(choices),
        metavar="NAME",  # the default lists them all
        multiple=True,
        default=choices,
        show_default=True,
        help=f"{subject}; repeatable.",
    )


class Numbers(click.ParamType):
    """Whole numbers of a range, separated by commas.

    Args:
        least: the least number.
        most: the greatest number; None for no limit.
    """

    name = "numbers"

    def __init__(self, least: int, most: int | None = None) -> None:
        self._least, self._most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return the numbers."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(int(number) for number in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of whole numbers, separated by commas", param, ctx)
        for number in numbers:
            if number < self._least or (self._most is not None and number > self._most):
                limit = f"at least {self._least}" if self._most is None else f"between {self._least} and {self._most}"
                self.fail(f"{number} is not {limit}", param, ctx)
        return numbers
