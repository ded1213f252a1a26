"""`streamseg webhooks`: subscribers of membership changes, and the process that delivers to them."""

import asyncio
import json
import logging
import secrets
import signal
import sys
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import click

from streamseg.commands import Invocation
from streamseg.errors import StreamsegError

if TYPE_CHECKING:
    from streamseg.api.webhooks.dispatcher import Dispatcher
    from streamseg.kafka.change_feed import ChangeFeed
    from streamseg.ports import ChangeRecord, WebhookStore

JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
PAUSE_SECONDS = 1.0
THREADS = 128
log = logging.getLogger(__name__)


@click.group("webhooks")
def command() -> None:
    """Send membership changes to subscribers: signed, at least once (Standard Webhooks)."""


@command.command()
@click.argument("subscriber_id")
@click.argument("url")
@click.option("--segment", "segments", multiple=True, help="Only this segment id or pattern; may be repeated.")
@click.option("--purpose", type=click.Choice(["shop", "ads"]), default="shop", help="ads: only under ads consent.")
@click.option("--allow-private", is_flag=True, help="The host may have an address inside the network.")
@JSON
@click.pass_obj
def add(
    invocation: Invocation,
    *,
    subscriber_id: str,
    url: str,
    segments: tuple[str, ...],
    purpose: Literal["shop", "ads"],
    allow_private: bool,
    as_json: bool,
) -> None:
    """Subscribe URL; prints the secret that its owner checks signatures with."""
    from streamseg.api.webhooks.posting import LOOPBACK, is_private
    from streamseg.ports import Subscriber

    if not subscriber_id.strip() or not subscriber_id.isprintable():
        raise click.UsageError("SUBSCRIBER_ID must be a printable text that is not empty")
    where = urlsplit(url)
    if not where.hostname or (where.scheme != "https" and not (where.scheme == "http" and where.hostname in LOOPBACK)):
        raise click.UsageError("URL must begin with https://")
    if is_private(where.hostname) and not allow_private:
        raise click.UsageError(f"{where.hostname} is not on the internet: --allow-private if it is meant")
    secret = f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"
    subscriber = Subscriber(subscriber_id, url, secret, segments, purpose, allow_private)
    _in_store(invocation, lambda store: store.subscribe(subscriber))
    click.echo(json.dumps({"id": subscriber_id, "secret": secret}) if as_json else secret)


@command.command("list")
@JSON
@click.pass_obj
def list_(invocation: Invocation, as_json: bool) -> None:
    """List the subscribers with their queues, without their secrets."""

    async def found(store: "WebhookStore") -> list[dict[str, Any]]:
        subscribers = await store.subscribers()
        counts = await store.counts([each.id for each in subscribers])
        shown = [asdict(each) | asdict(counts[each.id]) for each in subscribers]
        return [{name: value for name, value in each.items() if name != "secret"} for each in shown]

    shown = _in_store(invocation, found)
    _show("subscribers", shown, as_json)


@command.command()
@click.argument("subscriber_id")
@JSON
@click.pass_obj
def remove(invocation: Invocation, subscriber_id: str, as_json: bool) -> None:
    """Delete a subscriber with all of its waiting and parked deliveries."""
    if not _in_store(invocation, lambda store: store.unsubscribe(subscriber_id)):
        raise StreamsegError(f"there is no subscriber {subscriber_id}")
    click.echo(json.dumps({"removed": subscriber_id}) if as_json else f"removed {subscriber_id}")


@command.command()
@JSON
@click.pass_obj
def parked(invocation: Invocation, as_json: bool) -> None:
    """List the deliveries that were given up, and why."""
    found = _in_store(invocation, lambda store: store.parked())
    shown = [
        {"id": each.id, "subscriber": each.subscriber, "reason": each.reason or "the subscription has ended"}
        for each in found
    ]
    _show("parked", shown, as_json)


@command.command()
@click.argument("delivery_ids", nargs=-1, required=True)
@JSON
@click.pass_obj
def retry(invocation: Invocation, delivery_ids: tuple[str, ...], as_json: bool) -> None:
    """Queue parked deliveries again."""

    async def again(store: "WebhookStore") -> list[str]:
        return [each for each in delivery_ids if await store.unpark(each, time.time())]

    done = _in_store(invocation, again)
    click.echo(json.dumps({"retried": done}) if as_json else f"{len(done)} of {len(delivery_ids)} are queued again")


@command.command()
@click.option("--metrics-port", type=click.IntRange(0, 65_535), help="Serve /metrics here, on worker.metrics_host.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="Logs go to stderr.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info")
@click.pass_obj
def run(invocation: Invocation, metrics_port: int | None, log_format: str, log_level: str) -> None:
    """Deliver, until SIGTERM or Ctrl-C. Several may run beside each other."""
    from streamseg.logs import configure_logs

    configure_logs(log_format, log_level, sys.stderr)
    asyncio.run(_run(invocation, metrics_port))


async def _run(invocation: Invocation, metrics_port: int | None) -> None:
    from streamseg.api.webhooks.dispatcher import Dispatcher
    from streamseg.api.webhooks.posting import posting
    from streamseg.kafka.change_feed import ChangeFeed
    from streamseg.metrics import Metrics
    from streamseg.wiring.build_api import webhooks

    # Names of subscribers are resolved in threads. Without more of them, a few names that are not answered would delay
    # all others, and the reading of changes.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    metrics = Metrics()
    if metrics_port is not None:
        metrics.serve(invocation.settings.worker.metrics_host, metrics_port)
    feed = ChangeFeed(invocation.settings.kafka, "webhooks")
    async with webhooks(invocation.settings) as store, posting() as post:
        dispatcher = Dispatcher(store, post, metrics, time.time)
        tasks = [asyncio.create_task(each) for each in (_take_in(feed, dispatcher), dispatcher.run())]
        tasks.append(asyncio.create_task(stop.wait()))  # type: ignore[arg-type]  # any of them ends it
        log.info("delivering changes to subscribers")
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await feed.close()
            metrics.close()


async def _take_in(feed: "ChangeFeed", dispatcher: "Dispatcher") -> None:
    held: list[ChangeRecord] = []
    while True:
        try:
            if await dispatcher.is_full():
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            held = held or await feed.next()
            if held:
                await dispatcher.take_in(held)
                await feed.commit()
                held = []
        except StreamsegError as error:
            log.warning("%s; trying again", error)
            await asyncio.sleep(PAUSE_SECONDS)


def _in_store(invocation: Invocation, ask: Any) -> Any:
    from streamseg.wiring.build_api import webhooks

    async def asked() -> Any:
        async with webhooks(invocation.settings) as store:
            return await ask(store)

    return asyncio.run(asked())


def _show(name: str, rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({name: rows}))
        return
    from rich.console import Console
    from rich.table import Table

    if not rows:
        click.echo("none")
        return
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(", ".join(each) if isinstance(each, list) else str(each) for each in row.values()))
    Console().print(table)
