"""`streamseg lists`: upload, show and drop lists of customers that rules of audiences can ask for."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option
from streamseg.commands._progress import working
from streamseg.commands._text import print_table, say, utc

if TYPE_CHECKING:
    from streamseg.audiences.lists.list_files import ReadList
    from streamseg.audiences.lists.uploaded import UploadedList
    from streamseg.service.lists import ListCounts

KINDS: Final = ("id", "email", "phone", "hash", "address")


def _id(_ctx: click.Context, _option: click.Parameter, given: str) -> str:
    from streamseg.audiences.written.leaves import ID
    from streamseg.wrong_values import FORMATS

    if len(given) > 64 or not re.fullmatch(ID, given):  # noqa: PLR2004 - as for audiences
        raise click.BadParameter(f"{FORMATS[ID]}; at most 64")
    return given


def _expiry(_ctx: click.Context, _option: click.Parameter, given: str | None) -> date | None:
    from streamseg.audiences.written.ends import moment

    try:
        return moment(given)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.group("lists", invoke_without_command=True)
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the uploaded lists. Rules ask for one by `list = "ID"`, also under `not`."""
    if ctx.invoked_subcommand is not None:
        return
    from streamseg.wiring.build_lists import read_lists

    found = asyncio.run(read_lists(ctx.obj.settings))
    if as_json:
        click.echo(json.dumps({"lists": [_told(one) for one in found]}))
        return
    if not found:
        say("no lists: run `streamseg lists add ID FILE`")
        return
    headings = ("list", "version", "holds", "valid", "entries", "uploaded", "ends")
    rows = [
        (
            one.id, str(one.version), ", ".join(one.kinds), f"{one.valid - one.duplicates:,}", f"{one.entries:,}",
            utc(one.uploaded_at), utc(one.ends) or "never",
        )
        for one in found
    ]  # fmt: skip
    print_table(headings, rows, right=("version", "valid", "entries"))


@command.command("add")
@click.argument("name", metavar="ID", callback=_id)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--expires", callback=_expiry, help="Last day, or a time with its zone, after which nobody is on it.")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    help="What the file holds. `address`: e-mail, phone or hash, whatever each is. Default: found.",
)
@click.option("--column", help="Heading of the only column to read. Default: all that are known.")
@click.option(
    "--audience-for",
    "purpose",
    type=click.Choice(["ads", "content", "analytics"]),
    help="Declare also an audience ID, of those on the list, for this purpose.",
)
@json_option
@click.pass_obj
def add_command(  # noqa: PLR0917 - click's signature
    invocation: Invocation,
    name: str,
    file: Path,
    expires: date | None,
    kind: Any,
    column: str | None,
    purpose: str | None,
    as_json: bool,
) -> None:
    """Upload the list ID from FILE, in place of an earlier one of that id.

    FILE has a customer id, an e-mail address, a phone number or the SHA-256 of one on each line, or is a CSV with a
    heading. Addresses are hashed before anything is sent. All workers follow within seconds.
    """
    from streamseg.wiring.build_lists import ListSource, add

    with working(f"reading {file}, then all rows to count who is on it"):
        uploaded, read, counted = asyncio.run(
            add(invocation.settings, name, ListSource(file, kind, column), expires, purpose)
        )
    if as_json:
        click.echo(json.dumps(_told(uploaded) | _read(read) | asdict(counted)))
        return
    say(f"list {name}, version {uploaded.version}, {_until(uploaded)}")
    _print_read(read)
    _print_counts(counted, uploaded.kinds)
    if purpose is not None:
        say(f"audience {name} is declared, for {purpose}")


@command.command("show")
@click.argument("name", metavar="ID")
@json_option
@click.pass_obj
def show_command(invocation: Invocation, name: str, as_json: bool) -> None:
    """Show what the list ID holds, and how many are on it now.

    All rows are read. The audiences that ask for it are named.
    """
    from streamseg.wiring.build_lists import count

    with working("reading all rows to count who is on the list"):
        uploaded, counted, users = asyncio.run(count(invocation.settings, name))
    if as_json:
        click.echo(json.dumps(_told(uploaded) | asdict(counted) | {"audiences": users}))
        return
    say(f"list {name}, version {uploaded.version}, uploaded {utc(uploaded.uploaded_at)}, {_until(uploaded)}")
    say(f"{uploaded.lines:,} lines, {uploaded.valid:,} valid, {uploaded.duplicates:,} of these duplicates")
    _print_counts(counted, uploaded.kinds)
    say(f"asked for by: {', '.join(users) or 'no audience'}")


@command.command("drop")
@click.argument("name", metavar="ID")
@json_option
@click.pass_obj
def drop_command(invocation: Invocation, name: str, as_json: bool) -> None:
    """Drop the list ID and delete its hashes. Audiences must not ask for it any more."""
    from streamseg.wiring.build_lists import drop

    asyncio.run(drop(invocation.settings, name))
    if as_json:
        click.echo(json.dumps({"dropped": name}))
    else:
        say(f"list {name} is dropped")


def _told(one: "UploadedList") -> dict[str, Any]:
    """Return what `--json` prints of a list."""
    names = ("id", "version", "kinds", "lines", "valid", "duplicates", "entries", "uploaded_at", "ends")
    return {name: getattr(one, name) for name in names}


def _read(read: "ReadList") -> dict[str, Any]:
    """Return what `--json` prints of a file."""
    return {
        "invalid": read.lines - read.valid,
        "reasons": read.reasons,
        "first_invalid": [one._asdict() for one in read.invalid],
        "counted": read.counted,
    }


def _until(one: "UploadedList") -> str:
    return "without an end" if one.ends is None else f"until {utc(one.ends)}"


def _print_read(read: "ReadList") -> None:
    names = {"id": "customer ids", "email": "e-mail addresses", "phone": "phone numbers", "hash": "hashes"}
    held = ", ".join(f"{count:,} {names[kind]}" for kind, count in read.counted.items())
    say(f"{read.lines:,} lines, {read.valid:,} valid, {read.duplicates:,} of these duplicates: {held}")
    if read.invalid:
        say(f"{read.lines - read.valid:,} invalid: {_reasons(read.reasons)}")
        say(f"the first: {'; '.join(f'line {one.line}: {one.reason}' for one in read.invalid[:5])}")


def _reasons(reasons: Mapping[str, int]) -> str:
    return "; ".join(f"{count:,} {reason}" for reason, count in reasons.items())


def _print_counts(counted: "ListCounts", kinds: tuple[str, ...]) -> None:
    """Print who is on a list now."""
    known = [kind for kind in kinds if kind != "id"]
    of = f"; of {counted.identified:,} the {' or '.join(known)} is known" if known else ""
    unknown = f", of {counted.unknown:,} it cannot be told yet" if counted.unknown else ""
    say(f"{counted.matched:,} of {counted.customers:,} known customers are on it now{unknown}{of}")
