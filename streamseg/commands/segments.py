"""`streamseg segments`: list, rename, compare and drop segments; print their history."""

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from streamseg.commands import Invocation
from streamseg.commands._changes import SinceType, lines
from streamseg.commands._options import json_option

if TYPE_CHECKING:
    from streamseg.clustering.description.comparison import Comparison
    from streamseg.service.changes import Since

NAME_LENGTH: Final = 80


@click.group("segments", invoke_without_command=True)
@click.option("--retired", is_flag=True, help="List retired segments too.")
@click.option("--history", is_flag=True, help="Print births, splits, merges and ends instead.")
@json_option
@click.pass_context
def command(ctx: click.Context, retired: bool, history: bool, as_json: bool) -> None:
    """List the segments with label, size and description, or what is missing until there are any."""
    from streamseg.clustering.description.warm_up import facts, missing
    from streamseg.wiring.build_service import read_catalogue, read_lineage, read_waiting

    if ctx.invoked_subcommand is not None:
        return
    settings = ctx.obj.settings
    catalogue = asyncio.run(read_catalogue(settings))
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
    if segments or not waiting:
        _print(segments)
    for name, snapshot in waiting.items():
        click.echo(f"{name}: {missing(snapshot)}")


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
        click.echo(f"{segment}: {entry['label']} (generated: {entry['generated_label']})")


@command.command("diff")
@click.argument("segmentation")
@click.option("--against", default="behaviour", show_default=True, help="Segmentation to compare with.")
@json_option
@click.pass_obj
def diff_command(invocation: Invocation, segmentation: str, against: str, as_json: bool) -> None:
    """Compare SEGMENTATION with another one.

    Prints who would move if SEGMENTATION, such as a shadow one, replaced the other. Changes nothing.
    """
    from streamseg.wiring.build_service import compare_segmentations

    found = asyncio.run(compare_segmentations(invocation.settings, against, segmentation))
    if as_json:
        click.echo(json.dumps(asdict(found)))
    else:
        _print_comparison(found, against, segmentation)


@command.command("changes")
@click.option("--since", type=SinceType(), default="7d", show_default=True, help="A span (7d, 24h, 4w) or a date.")
@json_option
@click.pass_obj
def changes_command(invocation: Invocation, since: "Since", as_json: bool) -> None:
    """Print sizes then and now, and who moved where.

    Moves are counted by UTC day, so a span begins at 00:00 UTC of its first day. A customer who moved twice counts
    twice. Counts are kept for 400 days.
    """
    from streamseg.wiring.build_service import read_catalogue, read_changes

    found = asyncio.run(read_changes(invocation.settings, since))
    if as_json:
        click.echo(json.dumps(found.as_json()))
        return
    for line in lines(found, asyncio.run(read_catalogue(invocation.settings))):
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
        click.echo(
            f"{segmentation} is dropped; remove it from the settings once `streamseg segments` no longer lists it"
        )


def _print(segments: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "label", "size", "share", "share of value", "description", expand=True)
    for one in segments:
        value = "" if one["value_share"] is None else f"{one['value_share']:.0%}"
        label = one["label"] + " (retired)" * (one["retired"] is not None) + " (shadow)" * bool(one.get("shadow"))
        table.add_row(one["id"], label, f"{one['size']:,}", f"{one['share']:.0%}", value, one["description"])
    Console().print(table if segments else "no segments yet")


def _print_history(lineage: list[dict[str, Any]], labels: dict[str, str]) -> None:
    """Print one line per transition, with the overlaps that it is based on."""
    for entry in lineage:
        at = datetime.fromtimestamp(entry["at"], UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        related = ", ".join(f"{segment} {overlap:.0%}" for segment, overlap in entry["related"])
        label = labels.get(entry["segment"], "")
        click.echo(f"{at}  {entry['transition']:<10} {entry['segment']}  {label}{f'  ({related})' if related else ''}")


def _print_comparison(found: "Comparison", old: str, new: str) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    sizes = Table(new, "size", f"closest in {old}", "size there", "shared")
    for one in found.segments:
        sizes.add_row(
            one.segment, f"{one.size:,}", one.counterpart or "", f"{one.counterpart_size:,}", f"{one.shared:,}"
        )
    flows = Table("from", "to", "customers", "examples (pseudonyms)")
    for flow in found.flows:
        flows.add_row(flow.old, flow.new, f"{flow.customers:,}", ", ".join(flow.examples))
    if found.moved_otherwise:
        flows.add_row("others", "", f"{found.moved_otherwise:,}", "")
    console.print(sizes)
    if found.flows:
        console.print(flows)
    console.print(
        f"{found.moved:,} of {found.customers:,} customers ({found.moved_share:.1%}) would move;"
        f" only in {old} {found.only_old:,}, only in {new} {found.only_new:,}"
    )
