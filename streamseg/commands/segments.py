"""`streamseg segments`: the catalogue, as people and machines read it."""

import asyncio
import json
from typing import Any

import click

from streamseg.commands import Invocation


@click.command("segments")
@click.option("--retired", is_flag=True, help="Also those that have ended.")
@click.option("--history", is_flag=True, help="What became of the segments: births, splits, merges, ends.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def command(invocation: Invocation, retired: bool, history: bool, as_json: bool) -> None:
    """Print the segments with sizes, labels and what sets them apart."""
    from streamseg.wiring import read_catalogue, read_lineage

    if history:
        lineage = asyncio.run(read_lineage(invocation.settings))
        if as_json:
            click.echo(json.dumps({"history": lineage}))
        for entry in () if as_json else lineage:
            related = ", ".join(f"{segment} {overlap:.0%}" for segment, overlap in entry["related"])
            click.echo(f"{entry['at']:.0f}  {entry['transition']:<10} {entry['segment']}  {related}")
        return
    catalogue = asyncio.run(read_catalogue(invocation.settings))
    segments = [
        {"id": segment, **entry}
        for segment, entry in sorted(catalogue.items(), key=lambda item: (item[1]["segmentation"], -item[1]["size"]))
        if retired or entry["retired"] is None
    ]
    if as_json:
        click.echo(json.dumps({"segments": segments}))
        return
    _print(segments)


def _print(segments: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "label", "size", "share", "of value", "description", title=None, expand=True)
    for one in segments:
        value = "" if one["value_share"] is None else f"{one['value_share']:.0%}"
        label = one["label"] if one["retired"] is None else f"{one['label']} (retired)"
        table.add_row(one["id"], label, f"{one['size']:,}", f"{one['share']:.0%}", value, one["description"])
    Console().print(table if segments else "no segments yet")
