"""`streamseg lookup ID`: print the membership of one customer, and the reasons."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any, Final

import click

from streamseg.commands import FAILED, Invocation
from streamseg.commands._options import json_option

_PULLS: Final = 4
"""Pulls printed per direction."""


@click.command("lookup")
@click.argument("customer_id")
@click.option(
    "--why", is_flag=True, help="Print also the features that pull the customer to the segment, and to the runner-up."
)
@json_option
@click.pass_context
def command(ctx: click.Context, customer_id: str, why: bool, as_json: bool) -> None:
    """Print the membership of a customer. With --json it is the stored string. Exit code 1 for an unknown customer."""
    from streamseg.wiring.build_service import explain, read_membership

    invocation: Invocation = ctx.obj
    stored, labels = asyncio.run(read_membership(invocation.settings, customer_id))
    if stored is None:
        click.echo(json.dumps({"customer_id": customer_id, "known": False, "segments": {}}) if as_json else "unknown")
        ctx.exit(FAILED)
    reasons = asyncio.run(explain(invocation.settings, customer_id)) if why else {}
    if as_json:
        click.echo(json.dumps(json.loads(stored) | {"why": reasons}) if why else stored.decode())
        return
    membership = json.loads(stored)
    for segmentation, segment in membership["segments"].items():
        if segment is None:
            click.echo(f"{segmentation}: unassigned")
            continue
        label = labels.get(segment["id"], "")
        since = _day_and_time(segment["since"])
        click.echo(f"{segmentation}: {segment['id']} {label} (since {since}, separation {segment['score']})")
        if segmentation in reasons:
            _print_reasons(reasons[segmentation], labels)
    consent = ", ".join(f"{purpose} {'yes' if given else 'no'}" for purpose, given in membership["consent"].items())
    click.echo(f"as of {_day_and_time(membership['as_of'])}; consent: {consent}")


def _day_and_time(epoch_seconds: int) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _print_reasons(reason: dict[str, Any], labels: dict[str, str]) -> None:
    """Print the strongest pulls to the segment, then those to the runner-up."""
    other = reason["runner_up"]
    click.echo(f"  separation {reason['separation']}, model {reason['model']}")
    click.echo(f"  runner-up {other} {labels.get(other, '')}")
    if reason["rfm"] is not None:
        scores = "".join(str(reason["rfm"][name]) for name in ("recency", "frequency", "monetary"))
        click.echo(f"  RFM {scores}: {reason['rfm']['name']}")
    towards = [pull for pull in reason["pulls"] if pull["pull"] > 0][:_PULLS]
    away = [pull for pull in reversed(reason["pulls"]) if pull["pull"] < 0][:_PULLS]
    for pull in (*towards, *away):
        click.echo(
            f"  {pull['pull']:+7.2f}  {pull['feature']} {pull['value']:.4g}"
            f" (centre here {pull['own_centre']:.4g}, there {pull['other_centre']:.4g})"
        )
