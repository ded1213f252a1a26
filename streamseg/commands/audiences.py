"""`streamseg audiences`: list, show, preview, add and drop audiences; list their members."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from streamseg.commands import Invocation
from streamseg.commands._members import Form, Member, form_of, members_options, print_members
from streamseg.commands._options import json_option
from streamseg.commands._progress import working
from streamseg.commands._text import TOO_SMALL, print_table, say, utc

if TYPE_CHECKING:
    from streamseg.service.audiences import Preview
    from streamseg.service.lookalike_reports import LookalikeReport
    from streamseg.settings import Settings

_REASONS: Final = {
    "not_known": "without a published membership",
    "no_consent": "without consent",
    "too_few": "because they are too few",
    "not_for_ads": "because the audience is not for ads",
}
"""Why customers are not exported, by the name in the counts."""

file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group("audiences", invoke_without_command=True)
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the audiences: how many customers match, are known, consent to the purpose, and are exported."""
    if ctx.invoked_subcommand is not None:
        return
    as_of, found = _counted(ctx.obj.settings)
    if as_json:
        click.echo(json.dumps({"as_of": as_of, "audiences": found}))
        return
    if not found:
        say("no audiences: write a file and run `streamseg audiences add FILE`")
        return
    counts = ("matched", "known", "consented", "exported")
    rows = [
        (one["id"], one["purpose"], *(f"{one[name]:,}" for name in counts), TOO_SMALL if one["is_too_small"] else "")
        for one in found
    ]
    print_table(("audience", "purpose", *counts, ""), rows, right=counts)
    say(f"as of {utc(as_of)}")
    for audience, reports in _reports(ctx.obj.settings).items():
        for waiting in (one for one in reports if not one.learned):
            say(f"{audience} waits: {_waiting(waiting)}")


@command.command("show")
@click.argument("audience")
@json_option
@click.pass_obj
def show_command(invocation: Invocation, audience: str, as_json: bool) -> None:
    """Show the definition and counts of AUDIENCE."""
    from streamseg.errors import NotFoundError

    as_of, counted = _counted(invocation.settings)
    found = next((one for one in counted if one["id"] == audience), None)
    if found is None:
        raise NotFoundError(f"there is no audience {audience}: see `streamseg audiences`")
    reports = _reports(invocation.settings).get(audience, [])
    if as_json:
        told = {"lookalikes": [asdict(one) for one in reports]} if reports else {}
        click.echo(json.dumps(found | told | {"as_of": as_of}))
        return
    say(f"{found['id']}: {found['name']}, version {found['version']}, for {found['purpose']}")
    if found["description"]:
        say(found["description"])
    say(f"rule: {json.dumps(found['rule'])}")
    _print_counts(found, as_of)

    for one in reports:
        _print_lookalike(one)


def _reports(settings: "Settings") -> "dict[str, list[LookalikeReport]]":
    """Return the reports of look-alikes by audience."""
    from streamseg.wiring.build_audiences import lookalikes

    return asyncio.run(lookalikes(settings))


def _waiting(one: "LookalikeReport") -> str:
    """Return what a look-alike that is not learned waits for."""
    needed = f" of {one.needed:,} needed" if one.needed else ""
    return f"who is like {one.seed} is not known yet: {one.sampled:,}{needed} sampled customers of it are there"


def _print_lookalike(one: "LookalikeReport") -> None:
    if not one.learned:
        say(_waiting(one))
        return
    say(
        f"like {one.seed} by {one.by}: the {one.size:,} most alike of {one.others:,} others, likeness"
        f" {one.likeness:.2f} or more; {one.recall:.0%} of {one.held_out:,} members of {one.seed} of whom nothing was"
        " learned are as alike"
    )
    rows = [
        ("look-alike", f"{one.recall:.0%}", f"{one.lift:.1f}"),
        ("nearest centre", f"{one.recall_nearest:.0%}", f"{one.lift_nearest:.1f}"),
        ("random", f"{one.recall_random:.0%}", "1.0"),
    ]
    print_table(("way", "recall", "lift"), rows, right=("recall", "lift"))
    carried = [
        (each.meaning, f"{each.part:.0%}", f"{each.seed:,.4g}", f"{each.others:,.4g}") for each in one.carried_by
    ]
    print_table(("carried by", "part", one.seed, "others"), carried, right=("part", one.seed, "others"))


@command.command("preview")
@file_argument
@json_option
@click.pass_obj
def preview_command(invocation: Invocation, file: Path, as_json: bool) -> None:
    """Print who would belong to the audiences of FILE.

    Nothing is declared. Sizes are exact: all rows are read.
    """
    from streamseg.wiring.build_audiences import preview

    with working(f"reading all rows to preview {file}"):
        found = asyncio.run(preview(invocation.settings, file))
    if as_json:
        click.echo(json.dumps({"audiences": [asdict(one) for one in found]}))
        return
    for one in found:
        _print_preview(one)


@command.command("add")
@file_argument
@json_option
@click.pass_obj
def add_command(invocation: Invocation, file: Path, as_json: bool) -> None:
    """Declare the audiences of FILE, or change them.

    FILE is TOML, YAML or JSON. An audience whose id is declared already gets the new definition. All workers follow
    within seconds, without a restart: they look at every known customer again.
    """
    from streamseg.wiring.build_audiences import add

    added = asyncio.run(add(invocation.settings, file))
    if as_json:
        click.echo(json.dumps({"added": [{"id": one.id, "version": one.version} for one in added]}))
        return
    for one in added:
        say(f"{one.id} is declared, version {one.version}")


@command.command("drop")
@click.argument("audience")
@json_option
@click.pass_obj
def drop_command(invocation: Invocation, audience: str, as_json: bool) -> None:
    """Drop AUDIENCE for good.

    All customers leave it within seconds, and its id does not come back.
    """
    from streamseg.wiring.build_audiences import drop

    asyncio.run(drop(invocation.settings, audience))
    if as_json:
        click.echo(json.dumps({"dropped": audience}))
    else:
        say(f"{audience} is dropped")


@command.command("members")
@click.argument("audience")
@members_options("customer_id, since")
@click.pass_obj
def members_command(invocation: Invocation, audience: str, as_csv: bool, limit: int, as_json: bool) -> None:
    """List the customers in AUDIENCE who consent to its purpose.

    The order is not defined. How many members do not consent is said at the end.
    """
    form = form_of(as_csv=as_csv, as_json=as_json)
    asyncio.run(_members(invocation.settings, audience, limit, form))


def _counted(settings: "Settings") -> tuple[int, list[dict[str, Any]]]:
    """Return the moment, and each audience with its definition and counts, as `--json` prints it."""
    from streamseg.audiences.definition import Audience
    from streamseg.wiring.build_audiences import count

    with working("reading all rows to count the audiences"):
        as_of, declared, counts = asyncio.run(count(settings))
    return as_of, [
        {
            "version": one.version,
            **Audience.model_validate(one.definition).model_dump(mode="json", by_alias=True),
            **asdict(counts[one.id]),
        }
        for one in declared.live
        if one.id in counts
    ]


def _print_counts(found: dict[str, Any], as_of: int) -> None:
    say(
        f"{found['matched']:,} match, {found['known']:,} of them are known, {found['consented']:,} consent to"
        f" {found['purpose']}, {found['exported']:,} are exported, as of {utc(as_of)}"
    )
    if found["dropped"]:
        say("not exported: " + ", ".join(f"{count:,} {_REASONS[why]}" for why, count in found["dropped"].items()))
    if found["is_too_small"]:
        say(f"{TOO_SMALL}: fewer than {found['minimum_size']:,} consent, so nobody is exported")
    say(
        f"reachable: {found['reachable_share']:.0%}; members for seven days: {found['lasting_share']:.0%}, half of"
        f" them for {found['median_days']} days or more"
    )
    if found["nearest"] is not None:
        say(f"nearest audience: {found['nearest']['audience']}, {found['nearest']['overlap']:.0%} of both in common")


def _print_preview(one: "Preview") -> None:
    unknown = f", {one.unknown:,} cannot be told yet" if one.unknown else ""
    say(f"{one.audience}: {one.matched:,} of {one.customers:,} customers at {utc(one.as_of)}{unknown}")
    if one.segments:
        rows = [
            (segment, f"{size:,}", f"{size / max(one.matched, 1):.0%}")
            for segment, size in sorted(one.segments.items(), key=lambda item: -item[1])
        ]
        print_table(("segment", "customers", "of the audience"), rows, right=("customers", "of the audience"))
    if one.examples:
        say("examples, by pseudonym:")
    for example in one.examples:
        asks = [each["asks"] if each["wanted"] else f"not: {each['asks']}" for each in example.why]
        say(f"  {example.pseudonym}: {'; '.join(asks)}", indent="      ")


async def _members(settings: "Settings", audience: str, limit: int, form: Form) -> None:
    from streamseg.wiring.build_audiences import members

    left_out = {"without_consent": 0}

    async def listed() -> AsyncIterator[Member]:
        async with aclosing(members(settings, audience)) as pages:
            async for page in pages:
                left_out["without_consent"] += page.without_consent
                for customer, since in page.members:
                    yield {"customer_id": customer, "since": since}

    await print_members(listed(), audience, ("customer_id", "since"), limit=limit, form=form, left_out=left_out)
