"""`streamseg lookup ID`: one customer's membership."""

import asyncio
import json

import click

from streamseg.commands import Invocation


@click.command("lookup")
@click.argument("customer_id")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout: the membership as it is stored.")
@click.pass_obj
def command(invocation: Invocation, customer_id: str, as_json: bool) -> None:
    """Print the standing membership of a customer."""
    from streamseg.wiring import read_membership

    stored, labels = asyncio.run(read_membership(invocation.settings, customer_id))
    if stored is None:
        click.echo(json.dumps({"customer_id": customer_id, "known": False, "segments": {}}) if as_json else "unknown")
        return
    if as_json:
        click.echo(stored.decode())
        return
    membership = json.loads(stored)
    for segmentation, standing in membership["segments"].items():
        if standing is None:
            click.echo(f"{segmentation}: unassigned")
        else:
            label = labels.get(standing["id"], "")
            click.echo(
                f"{segmentation}: {standing['id']} {label} (since {standing['since']}, score {standing['score']})"
            )
    click.echo(f"as of {membership['as_of']}, consent {membership['consent']}")
