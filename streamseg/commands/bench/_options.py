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
        multiple=True,
        default=choices,
        show_default=True,
        help=f"{subject}; repeatable.",
    )
