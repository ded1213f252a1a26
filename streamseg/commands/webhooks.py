"""`streamseg webhooks`: manage the subscribers of membership changes, and deliver changes to them."""

import asyncio
import json
import secrets
import sys
import time
from base64 import b64encode
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option, log_options
from streamseg.commands._text import print_table
from streamseg.errors import NotFoundError

if TYPE_CHECKING:
    from streamseg.ports import WebhookStore


@click.group("webhooks")
def command() -> None:
    """Deliver membership changes to subscribers: signed, at least once, by the Standard Webhooks specification."""


@command.command()
@click.argument("subscriber_id")
@click.argument("url")
@click.option(
    "--segment",
    "segments",
    multiple=True,
    help="Segment id or pattern to deliver; repeatable.  [default: all, or none with --audience]",
)
@click.option(
    "--audience",
    "audiences",
    multiple=True,
    help="Audience id or pattern to deliver; repeatable.  [default: all, or none with --segment]",
)
@click.option(
    "--purpose",
    type=click.Choice(["shop", "ads"]),
    default="shop",
    show_default=True,
    help="Purpose of the subscriber; ads delivers entries only with ads consent.",
)
@click.option("--replace", is_flag=True, help="Change a subscriber that is there; its secret stays the same.")
@click.option("--allow-private", is_flag=True, help="Allow a host with a private address.")
@json_option
@click.pass_obj
def add(
    invocation: Invocation,
    *,
    subscriber_id: str,
    url: str,
    segments: tuple[str, ...],
    audiences: tuple[str, ...],
    purpose: Literal["shop", "ads"],
    replace: bool,
    allow_private: bool,
    as_json: bool,
) -> None:
    """Add a subscriber at URL.

    Prints the secret for checking signatures. For another secret, remove the subscriber and add it again.
    """
    from streamseg.api.webhooks.posting import LOOPBACK, is_private
    from streamseg.ports import Subscriber
    from streamseg.service.access_changes import subscribe

    if not subscriber_id.strip() or not subscriber_id.isprintable():
        raise click.UsageError("SUBSCRIBER_ID must be printable and not empty")
    address = urlsplit(url)
    if not address.hostname or (
        address.scheme != "https" and not (address.scheme == "http" and address.hostname in LOOPBACK)
    ):
        raise click.UsageError("URL must begin with https://")
    if is_private(address.hostname) and not allow_private:
        raise click.UsageError(f"{address.hostname} has a private address: add --allow-private if this is intended")

    secret = f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"
    wanted = Subscriber(subscriber_id, url, secret, segments, purpose, allow_private, audiences=audiences)
    kept = _changed(invocation, lambda store, trail: subscribe(store, wanted, trail, may_replace=replace))
    click.echo(json.dumps({"id": subscriber_id, "secret": kept.secret}) if as_json else kept.secret)


@command.command("list")
@json_option
@click.pass_obj
def list_(invocation: Invocation, as_json: bool) -> None:
    """List the subscribers with their queues, without their secrets."""

    async def found(store: "WebhookStore") -> list[dict[str, Any]]:
        subscribers = await store.subscribers()
        counts = await store.counts([each.id for each in subscribers])
        rows = [asdict(each) | asdict(counts[each.id]) for each in subscribers]
        return [{name: value for name, value in row.items() if name != "secret"} for row in rows]

    shown = _in_store(invocation, found)
    _show("subscribers", shown, as_json)


@command.command()
@click.argument("subscriber_id")
@json_option
@click.pass_obj
def remove(invocation: Invocation, subscriber_id: str, as_json: bool) -> None:
    """Remove a subscriber with all of its waiting and parked deliveries."""
    from streamseg.service.access_changes import unsubscribe

    if not _changed(invocation, lambda store, trail: unsubscribe(store, subscriber_id, trail)):
        raise NotFoundError(f"there is no subscriber {subscriber_id}")
    click.echo(json.dumps({"removed": subscriber_id}) if as_json else f"removed {subscriber_id}")


@command.command()
@json_option
@click.pass_obj
def parked(invocation: Invocation, as_json: bool) -> None:
    """List the deliveries that failed for good, and why."""
    found = _in_store(invocation, lambda store: store.parked())
    shown = [
        {"id": each.id, "subscriber": each.subscriber, "reason": each.reason or "the subscription has ended"}
        for each in found
    ]
    _show("parked", shown, as_json)


@command.command()
@click.argument("delivery_ids", nargs=-1, required=True)
@json_option
@click.pass_obj
def retry(invocation: Invocation, delivery_ids: tuple[str, ...], as_json: bool) -> None:
    """Retry parked deliveries. Exit code 1 when one of them is not parked."""
    from streamseg.service.access_changes import retry_parked

    retried = _changed(invocation, lambda store, trail: retry_parked(store, delivery_ids, time.time(), trail))
    unknown = [each for each in delivery_ids if each not in retried]
    click.echo(json.dumps({"retried": retried}) if as_json else f"retrying {len(retried)} of {len(delivery_ids)}")
    if unknown:
        raise NotFoundError(f"there is no parked delivery {', '.join(unknown)}: see `streamseg webhooks parked`")


@command.command()
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65_535),
    help="Port of /metrics, on setting worker.metrics_host.  [default: none]",
)
@log_options
@click.pass_obj
def run(invocation: Invocation, metrics_port: int | None, log_format: str, log_level: str) -> None:
    """Deliver changes until SIGTERM or Ctrl-C. Several processes may run at once."""
    from streamseg.commands._delivering import deliver
    from streamseg.logs import configure_logs

    configure_logs(log_format, log_level, sys.stderr)
    asyncio.run(deliver(invocation.settings, metrics_port))


def _in_store(invocation: Invocation, ask: Any) -> Any:
    from streamseg.wiring.build_api import webhooks

    async def asked() -> Any:
        async with webhooks(invocation.settings) as (store, _):
            return await ask(store)

    return asyncio.run(asked())


def _changed(invocation: Invocation, change: Any) -> Any:
    """Return what `change` returns, given the store and the trail to note the change on before."""
    from streamseg.wiring.command_trail import command_trail

    async def changed(store: "WebhookStore") -> Any:
        async with command_trail(invocation.settings) as trail:
            return await change(store, trail)

    return _in_store(invocation, changed)


def _show(name: str, rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({name: rows}))
        return
    if not rows:
        click.echo("none")
        return
    cells = [
        [", ".join(each) if isinstance(each, list | tuple) else _shown(each) for each in row.values()] for row in rows
    ]
    print_table([heading.replace("_", " ") for heading in rows[0]], cells)


def _shown(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
