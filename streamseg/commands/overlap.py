"""`streamseg overlap`: every audience against every segment."""

import asyncio
import json
from dataclasses import asdict

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option
from streamseg.commands._progress import working
from streamseg.commands._text import print_table, say, utc


@click.command("overlap")
@json_option
@click.pass_obj
def command(invocation: Invocation, as_json: bool) -> None:
    """Compare every audience with every segment: shares both ways, and lift.

    The lift of 2 means: in this segment, members of the audience are twice as frequent as among all customers.
    """
    from streamseg.wiring.build_audiences import overlap
    from streamseg.wiring.build_service import read_catalogue

    with working("reading all rows to compare audiences with segments"):
        found = asyncio.run(overlap(invocation.settings))
    if as_json:
        click.echo(json.dumps(asdict(found)))
        return
    if not found.rows:
        say("nothing to compare: see `streamseg audiences` and `streamseg segments`")
        return
    labels = {segment: entry["label"] for segment, entry in asyncio.run(read_catalogue(invocation.settings)).items()}
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
    say(f"{found.customers:,} customers, as of {utc(found.as_of)}")
