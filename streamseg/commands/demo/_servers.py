"""Checks the servers given to the demo, and removes what it left there."""

import asyncio
import json
from typing import Final

import click

from streamseg.commands import Invocation
from streamseg.settings import Settings, load_settings
from streamseg.wiring import demo_servers

ADVICE: Final = "give the demo a Kafka of its own"


def settings_for(invocation: Invocation, kafka: str | None, redis: str | None) -> Settings:
    """Return the settings in force, on these servers and with an event clock. Raises `SettingsError`."""
    given: dict[str, object] = {"clock": "event"}
    if kafka is not None:
        given["kafka"] = {"bootstrap": kafka}
    if redis is not None:
        given["redis"] = {"url": redis}
    return load_settings(invocation.file, **(invocation.given | given))


async def check(settings: Settings, *, kafka: bool, redis: bool) -> None:
    """Check that the servers hold nothing but an earlier demo, and that no worker runs there.

    Raises `SettingsError` and `ServerUnavailableError`.
    """
    if redis:
        await demo_servers.check_redis(settings)
    if kafka:
        await demo_servers.check_groups(settings)
        await demo_servers.check_kafka(settings, ADVICE)


def remove_demo(invocation: Invocation, kafka: str | None, redis: str | None, *, as_json: bool) -> None:
    """Remove what a demo left on the servers, after the same checks as before a demo."""
    settings = settings_for(invocation, kafka, redis)

    async def remove() -> dict[str, int]:
        await check(settings, kafka=kafka is not None, redis=redis is not None)
        return {
            "topics": await demo_servers.remove_from_kafka(settings) if kafka is not None else 0,
            "keys": await demo_servers.remove_from_redis(settings) if redis is not None else 0,
        }

    removed = asyncio.run(remove())
    click.echo(json.dumps(removed) if as_json else f"removed {removed['topics']} topics and {removed['keys']:,} keys")
