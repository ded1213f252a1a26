"""`streamseg keys`: manage the keys of the API."""

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, Final

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option
from streamseg.commands._text import print_table, say, utc
from streamseg.errors import NotFoundError
from streamseg.ports import SCOPES, Scope

if TYPE_CHECKING:
    from streamseg.ports import ConsoleRole, KeyKind


_KINDS: "Final[tuple[KeyKind, ...]]" = ("secret", "console")
"""One of each place where keys are stored."""


@click.group("keys")
def command() -> None:
    """Create, list, rotate and revoke keys of the API and the console.

    A key is printed once; only its hash is stored.
    """


@command.command()
@click.argument("name")
@click.option(
    "--publishable",
    is_flag=True,
    help="Key for browsers (pk_): public segments, customers with a proof of identity only.",
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    help="What a secret key may do beyond lookups; repeatable.",
)
@click.option(
    "--console",
    "role",
    type=click.Choice(["viewer", "editor", "privacy"]),
    help="Key of a person for the console (ck_): editor may change, privacy sees customer ids.",
)
@click.option("--if-missing", is_flag=True, help="Create nothing when NAME has a key already.")
@json_option
@click.pass_obj
def create(
    invocation: Invocation,
    *,
    name: str,
    publishable: bool,
    scopes: tuple[Scope, ...],
    role: "ConsoleRole | None",
    if_missing: bool,
    as_json: bool,
) -> None:
    """Create a key for NAME: for servers, browsers or the console.

    Audiences need a scope of their own. audiences:read shows definitions, counts, overlap, and members as pseudonyms;
    audiences:write previews, declares, changes and drops them, and includes the first; audiences:members shows the
    customer ids of members.
    """
    from streamseg.service.key_issuing import check_free, issue

    if not name.strip() or not name.isprintable():
        raise click.UsageError("NAME must be printable and not empty")
    if publishable and role is not None:
        raise click.UsageError("--publishable and --console make different keys: choose one")
    if scopes and (publishable or role is not None):
        raise click.UsageError("a key for browsers or for the console has no scopes")
    kind: KeyKind = "publishable" if publishable else "console" if role is not None else "secret"
    now = time.time()
    keys = asyncio.run(_all(invocation))
    present = [key for key in keys if key.name == name and key.is_valid(now)]
    if if_missing and present:
        document = {"id": present[-1].id, "name": name, "kind": present[-1].kind, "key": None}
        click.echo(json.dumps(document)) if as_json else say(f"{name} has a key already: {present[-1].id}")
        return
    check_free(keys, name, kind, now, scopes, role=role)
    key, plain = issue(name, kind, now, scopes, role=role)
    asyncio.run(_store(invocation, key))
    _show_new({"id": key.id, "name": name, "kind": kind, "key": plain}, as_json)


@command.command("list")
@json_option
@click.pass_obj
def list_(invocation: Invocation, as_json: bool) -> None:
    """List ids, names and dates of the keys."""
    keys = asyncio.run(_all(invocation))
    shown = [
        {
            "id": key.id,
            "name": key.name,
            "kind": key.kind,
            "created": key.created,
            "expires": key.expires,
            "scopes": key.scopes,
        }
        | ({"role": key.role} if key.role is not None else {})
        for key in keys
    ]
    if as_json:
        click.echo(json.dumps({"keys": shown}))
        return
    if not shown:
        click.echo("none")
        return
    rows = [
        (key.id, key.name, key.role or key.kind, utc(key.created), utc(key.expires), ", ".join(key.scopes))
        for key in keys
    ]
    print_table(("id", "name", "kind", "created", "expires", "scopes"), rows)


@command.command()
@click.argument("name")
@click.option(
    "--overlap-hours",
    type=click.FloatRange(0, 24 * 365),
    default=24.0,
    show_default=True,
    metavar="HOURS",
    help="Time that the old key stays valid.",
)
@json_option
@click.pass_obj
def rotate(invocation: Invocation, name: str, overlap_hours: float, as_json: bool) -> None:
    """Create a new key for NAME.

    The old one stays valid for the overlap.
    """
    from streamseg.service.key_issuing import issue_successor

    keys = asyncio.run(_all(invocation))
    changed, plain = issue_successor(keys, name, time.time(), overlap_hours * 3600)
    asyncio.run(_store(invocation, *changed))
    document = {"id": changed[0].id, "name": name, "kind": changed[0].kind, "key": plain}
    _show_new(document | {"old_keys_expire": changed[1].expires}, as_json)


@command.command()
@click.argument("key_id")
@json_option
@click.pass_obj
def revoke(invocation: Invocation, key_id: str, as_json: bool) -> None:
    """Remove a key; API processes refuse it within seconds."""
    from streamseg.service.access_changes import revoke_key
    from streamseg.wiring.build_api import api_keys
    from streamseg.wiring.command_trail import command_trail

    async def remove() -> bool:
        async with command_trail(invocation.settings) as trail:
            for kind in _KINDS:
                async with api_keys(invocation.settings, kind) as store:
                    if await revoke_key(store, key_id, trail):
                        return True
        return False

    if not asyncio.run(remove()):
        raise NotFoundError(f"there is no key {key_id}")
    click.echo(json.dumps({"revoked": key_id}) if as_json else f"revoked {key_id}")


async def _all(invocation: Invocation) -> list[Any]:
    from streamseg.wiring.build_api import api_keys

    found = []
    for kind in _KINDS:
        async with api_keys(invocation.settings, kind) as store:
            found += await store.all()
    return sorted(found, key=lambda key: (key.created, key.id))


async def _store(invocation: Invocation, *keys: Any) -> None:
    from streamseg.service.access_changes import put_key
    from streamseg.wiring.build_api import api_keys
    from streamseg.wiring.command_trail import command_trail

    async with command_trail(invocation.settings) as trail:
        for key in keys:
            async with api_keys(invocation.settings, key.kind) as store:
                await put_key(store, key, trail)


def _show_new(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(document))
        return
    click.echo(f"{document['key']}")
    click.echo(f"{document['id']} for {document['name']}: store it now, it cannot be printed again", err=True)
