"""`streamseg overlap`: every audience against every segment, as a table and as a picture."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option
from streamseg.commands._progress import working
from streamseg.commands._text import TOO_SMALL, print_table, say, utc

if TYPE_CHECKING:
    from streamseg.service.overlap import Overlap


@click.command("overlap")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a heat map to this file too: .svg or .png. Needs the extra streamseg[pictures].",
)
@json_option
@click.pass_obj
def command(invocation: Invocation, output: Path | None, as_json: bool) -> None:
    """Compare every audience with every segment: shares both ways, lift, and who is missed and wasted.

    The lift of 2 means: in this segment, members of the audience are twice as frequent as among all customers. Missed
    are customers outside of the audience in segments with a lift above 1: they behave alike. Wasted are members in
    segments that hardly respond.
    """
    from streamseg.commands._overlap_picture import check_pictures, write_picture
    from streamseg.wiring.build_audiences import overlap
    from streamseg.wiring.build_service import read_catalogue

    if output is not None:
        check_pictures(output)
    with working("reading all rows to compare audiences with segments"):
        found = asyncio.run(overlap(invocation.settings))
    labels: dict[str, str] = {}
    if found.rows and (output is not None or not as_json):
        catalogue = asyncio.run(read_catalogue(invocation.settings))
        labels = {segment: str(entry["label"]) for segment, entry in catalogue.items()}
    if output is not None and found.rows:
        write_picture(output, found, labels)
    if as_json:
        click.echo(json.dumps(asdict(found)))
        return
    if not found.rows:
        say("nothing to compare: see `streamseg audiences` and `streamseg segments`")
        return
    _print_overlap(found, labels)
    if output is not None:
        say(f"the picture is in {output}")


def _print_overlap(found: "Overlap", labels: Mapping[str, str]) -> None:
    headings = ("audience", "segment", "label", "both", "of audience", "of segment", "lift")
    rows = [
        (
            one.audience,
            one.segment,
            labels.get(one.segment, ""),
            f"{one.both:,}",
            f"{one.share_of_audience:.0%}",
            f"{one.share_of_segment:.0%}",
            f"{one.lift:.2f}",
        )
        for one in found.rows
    ]
    print_table(headings, rows, right=headings[3:])
    counts = ("members", "missed", "wasted")
    totals = [
        (
            one.audience,
            one.segmentation,
            f"{one.members:,}",
            f"{one.missed:,}",
            f"{one.wasted:,}",
            TOO_SMALL if one.is_too_small else "",
        )
        for one in found.audiences
    ]
    print_table(("audience", "segmentation", *counts, ""), totals, right=counts)
    say(f"{found.customers:,} customers, as of {utc(found.as_of)}. Wasted: {found.response}.")
