"""`streamseg segments`: list, rename, compare and drop segments; print their history."""

import asyncio
import json
from contextlib import aclosing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from streamseg.commands import Invocation
from streamseg.commands._changes import SinceType, lines, with_state
from streamseg.commands._members import Form, form_of, members_options, print_members
from streamseg.commands._options import json_option, language_option
from streamseg.commands._progress import working
from streamseg.commands._text import print_table, say, utc

if TYPE_CHECKING:
    from streamseg.clustering.description.comparison import Comparison
    from streamseg.service.changes import Since
    from streamseg.settings import Settings

NAME_LENGTH: Final = 80


@click.group("segments", invoke_without_command=True)
@click.option("--retired", is_flag=True, help="List retired segments too.")
@click.option("--history", is_flag=True, help="Print births, splits, merges and ends instead.")
@language_option
@json_option
@click.pass_context
def command(ctx: click.Context, retired: bool, history: bool, language: str | None, as_json: bool) -> None:
    """List the segments with label, size, description and suggested action, or what is missing until there are any."""
    from streamseg.clustering.description.warm_up import facts
    from streamseg.language.waiting_text import missing
    from streamseg.wiring.build_service import read_catalogue, read_lineage, read_waiting
    from streamseg.wiring.derived import needs

    if ctx.invoked_subcommand is not None:
        return
    settings = ctx.obj.settings
    catalogue = asyncio.run(read_catalogue(settings, language))
    if history:
        lineage = asyncio.run(read_lineage(settings))
        if as_json:
            click.echo(json.dumps({"history": lineage}))
        else:
            _print_history(lineage, {segment: entry["label"] for segment, entry in catalogue.items()})
        return
    segments = [
        {"id": segment, **entry}
        for segment, entry in sorted(catalogue.items(), key=lambda item: (item[1]["segmentation"], -item[1]["size"]))
        if retired or entry["retired"] is None
    ]
    waiting = asyncio.run(read_waiting(settings))
    if as_json:
        progress = [
            {"segmentation": name} | ({} if snapshot is None else facts(snapshot)) for name, snapshot in waiting.items()
        ]
        click.echo(json.dumps({"segments": segments, "waiting": progress}))
        return
    chosen = language or settings.descriptions.language
    if segments or not waiting:
        _print(segments, chosen)
    lives_on = needs(settings, chosen)
    for name, snapshot in waiting.items():
        say(f"{name}: {missing(snapshot, lives_on.get(name, ''), chosen)}")


@command.command("rename")
@click.argument("segment")
@click.argument("name", required=False)
@click.option("--clear", is_flag=True, help="Remove the given name; the generated label is used again.")
@json_option
@click.pass_obj
def rename_command(invocation: Invocation, segment: str, name: str | None, clear: bool, as_json: bool) -> None:
    """Give SEGMENT the name NAME. The id does not change, and the name stays with the id."""
    from streamseg.wiring.build_service import rename

    if (name is None) != clear:
        raise click.UsageError("give either NAME or --clear")
    if name is not None and (not name.strip() or len(name) > NAME_LENGTH or not name.isprintable()):
        raise click.UsageError(f"NAME must have 1-{NAME_LENGTH} printable characters")
    entry = asyncio.run(rename(invocation.settings, segment, None if name is None else name.strip()))
    if as_json:
        click.echo(json.dumps(entry))
    else:
        say(f"{segment}: {entry['label']} (generated: {entry['generated_label']})")


@command.command("members")
@click.argument("segment")
@members_options("customer_id, since, score")
@click.pass_obj
def members_command(invocation: Invocation, segment: str, as_csv: bool, limit: int, as_json: bool) -> None:
    """List the customers in SEGMENT, since when, and their scores.

    With --csv and --json, prints all of them, row by row while they are read. The order is not defined. A segment of a
    shadow segmentation has no scores.
    """
    form = form_of(as_csv=as_csv, as_json=as_json)
    asyncio.run(_members(invocation.settings, segment, limit, form))


@command.command("diff")
@click.argument("segmentation", required=False)
@click.option("--against", help="Segmentation to compare with.  [default: the first public one]")
@json_option
@click.pass_obj
def diff_command(invocation: Invocation, segmentation: str | None, against: str | None, as_json: bool) -> None:
    """Compare SEGMENTATION with another one.

    Prints who would move if SEGMENTATION replaced the other, and changes nothing. Without arguments, compares the
    shadow segmentation with the public one.
    """
    from streamseg.wiring.build_service import compare_segmentations, segmentations_to_compare

    old, new = asyncio.run(segmentations_to_compare(invocation.settings, against, segmentation))
    with working(f"reading all rows to compare {new} with {old}"):
        found = asyncio.run(compare_segmentations(invocation.settings, old, new))
    if as_json:
        click.echo(json.dumps(asdict(found)))
    else:
        _print_comparison(found, old, new)


@command.command("changes")
@click.option("--since", type=SinceType(), default="7d", show_default=True, help="A span (7d, 24h, 4w) or a date.")
@language_option
@json_option
@click.pass_obj
def changes_command(invocation: Invocation, since: "Since", language: str | None, as_json: bool) -> None:
    """Print sizes then and now, and who moved where.

    Moves are counted by UTC day, so a span begins at 00:00 UTC of its first day. A customer who moved twice counts
    twice. Counts are kept for 400 days.
    """
    from streamseg.wiring.build_service import read_catalogue, read_changes

    chosen = language or invocation.settings.descriptions.language
    found = asyncio.run(read_changes(invocation.settings, since))
    if as_json:
        click.echo(json.dumps(found.as_json()))
        return
    for line in lines(found, asyncio.run(read_catalogue(invocation.settings, chosen)), chosen):
        click.echo(line)


@command.command("drop")
@click.argument("segmentation")
@json_option
@click.pass_obj
def drop_command(invocation: Invocation, segmentation: str, as_json: bool) -> None:
    """Drop SEGMENTATION for good.

    It stops learning, and all customers leave its segments within seconds; running workers do this without a restart.
    Remove it from the settings afterwards. Before it is dropped, workers whose settings lack it are refused, because
    their settings could be older than the segmentation.
    """
    from streamseg.wiring.build_service import drop

    asyncio.run(drop(invocation.settings, segmentation))
    if as_json:
        click.echo(json.dumps({"dropped": segmentation}))
    else:
        say(f"{segmentation} is dropped; remove it from the settings once `streamseg segments` no longer lists it")


async def _members(settings: "Settings", segment: str, limit: int, form: Form) -> None:
    from streamseg.wiring.build_service import segment_members

    async with aclosing(segment_members(settings, segment)) as members:
        shown = (asdict(one) async for one in members)
        await print_members(shown, segment, ("customer_id", "since", "score"), limit=limit, form=form)


def _print(segments: list[dict[str, Any]], language: str) -> None:
    from streamseg.language import messages

    if not segments:
        click.echo(messages(language)["waiting"]["none"])
        return
    click.echo("customers  share  of value  segment")
    for one in segments:
        value = "" if one["value_share"] is None else f"{one['value_share']:.0%}"
        label = with_state(one["label"], one, language)
        say(f"{one['size']:>9,} {one['share']:>6.0%} {value:>9}  {one['id']}  {label}", indent=" " * 28)
        say(f"    {one['description']}", indent="    ")
        if one.get("action"):
            suggested = str(messages(language)["sentence"]["do"]).format(action=one["action"])
            say(f"    {suggested}", indent="    ")


def _print_history(lineage: list[dict[str, Any]], labels: dict[str, str]) -> None:
    """Print one line per transition, with the overlaps that it is based on."""
    for entry in lineage:
        related = ", ".join(f"{segment} {overlap:.0%}" for segment, overlap in entry["related"])
        label, closes = labels.get(entry["segment"], ""), entry.get("closes")
        say(
            f"{utc(entry['at'])}  {entry['transition']:<10} {entry['segment']}  {label}"
            f"{f'  ({related})' if related else ''}{f'  closes {utc(closes)}' if closes else ''}",
            indent=" " * 22,
        )


def _print_comparison(found: "Comparison", old: str, new: str) -> None:
    headings = (new, "size", f"closest in {old}", "size there", "shared")
    sizes = [
        (one.segment, f"{one.size:,}", one.counterpart or "", f"{one.counterpart_size:,}", f"{one.shared:,}")
        for one in found.segments
    ]
    print_table(headings, sizes, right=(headings[1], *headings[3:]))
    if found.flows:
        flows = [(flow.old, flow.new, f"{flow.customers:,}", ", ".join(flow.examples)) for flow in found.flows]
        flows += [("others", "", f"{found.moved_otherwise:,}", "")] if found.moved_otherwise else []
        print_table(("from", "to", "customers", "examples (pseudonyms)"), flows, right=("customers",))
    say(
        f"{found.moved:,} of {found.customers:,} customers ({found.moved_share:.1%}) would move;"
        f" only in {old} {found.only_old:,}, only in {new} {found.only_new:,}"
    )
