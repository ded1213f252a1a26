"""Prints the members of a segment or an audience, row by row while they are read."""

import csv
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final, Literal

import click

from streamseg.commands._options import json_option
from streamseg.commands._progress import working
from streamseg.commands._text import print_table, say, utc

Form = Literal["text", "csv", "json"]
Member = Mapping[str, Any]
"""`customer_id`, `since` in epoch seconds, and whatever else is known."""

NOBODY: Final[Mapping[str, int]] = {}
_HEADINGS: Final = {"customer_id": "customer"}
"""Headings of columns in text, where they are not named like the fields."""


def members_options(columns: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add `--csv`, `--limit` and `--json`; `columns` are those of the CSV."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            json_option,
            click.option(
                "--limit",
                default=20,
                show_default=True,
                type=click.IntRange(min=0),
                help="Number of customers listed without --csv and --json.",
            ),
            click.option("--csv", "as_csv", is_flag=True, help=f"Print all of them as CSV: {columns}."),
        ):
            command = option(command)
        return command

    return add


def form_of(*, as_csv: bool, as_json: bool) -> Form:
    """Return the form that was asked for. Raises `click.UsageError` for two of them."""
    if as_csv and as_json:
        raise click.UsageError("give either --csv or --json")
    return "csv" if as_csv else "json" if as_json else "text"


async def print_members(
    members: AsyncIterator[Member],
    group: str,
    columns: tuple[str, ...],
    *,
    limit: int,
    form: Form,
    left_out: Mapping[str, int] = NOBODY,
) -> None:
    """Print the members of a group in a form: all of them, or in text `limit` of them and their number.

    How many are `left_out`, by reason, is known after the last one. CSV has members only: then it is on stderr.
    """
    if form == "text":
        await _print_text(members, group, columns, limit)
        _say_left_out(left_out)
        return
    one = await anext(members, None)  # before the first line, so that an error is all that is printed
    writer, separator = csv.writer(sys.stdout, lineterminator="\n"), ""
    if form == "csv":
        writer.writerow(columns)
    else:
        click.echo('{"members": [', nl=False)
    while one is not None:
        if form == "csv":
            writer.writerow(_cells(one, columns))
        else:
            click.echo(separator + json.dumps(one), nl=False)
        one, separator = await anext(members, None), ", "
    if form == "json":
        click.echo("]" + "".join(f", {json.dumps(name)}: {count}" for name, count in left_out.items()) + "}")
    else:
        _say_left_out(left_out, err=True)


def _say_left_out(left_out: Mapping[str, int], *, err: bool = False) -> None:
    for reason, count in left_out.items():
        if count:
            say(f"{count:,} more {reason.replace('_', ' ')}: not listed", err=err)


async def _print_text(members: AsyncIterator[Member], group: str, columns: tuple[str, ...], limit: int) -> None:
    first, count = [], 0
    with working(f"reading the members of {group}"):
        async for one in members:
            count += 1
            if count <= limit:
                first.append([f"{cell:.2f}" if isinstance(cell, float) else cell for cell in _cells(one, columns)])
    if first:
        print_table([_HEADINGS.get(name, name) for name in columns], first, right=columns[2:])
    more = f", {len(first):,} of them shown; --csv prints all" if count > len(first) else ""
    say(f"{count:,} customers in {group}{more}")


def _cells(member: Member, columns: tuple[str, ...]) -> list[Any]:
    """Return what a row shows: times in UTC, and nothing for None."""
    values = (utc(member[name]) if name == "since" else member[name] for name in columns)
    return ["" if value is None else value for value in values]
