"""`streamseg api`: serve memberships over HTTP."""

import asyncio
import signal
import sys

import click

from streamseg.commands import Invocation
from streamseg.commands._options import log_options


@click.command("api")
@click.option("--host", help="Address to listen on.  [default: setting api.host]")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help="Port to listen on; 0 takes a free one.  [default: setting api.port]",
)
@log_options
@click.pass_obj
def command(invocation: Invocation, host: str | None, port: int | None, log_format: str, log_level: str) -> None:
    """Serve lookups, ad fragments, OpenFeature and event streams over HTTP, until SIGTERM or Ctrl-C."""
    from streamseg.logs import configure_logs
    from streamseg.wiring.build_api import run_api

    configure_logs(log_format, log_level, sys.stderr)
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = invocation.settings
    settings = settings.model_copy(update={"api": settings.api.model_copy(update=given)})

    async def until_stopped() -> None:
        stop, at_once = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop.set)

        def end_at_once() -> None:
            at_once.set()
            stop.set()

        loop.add_signal_handler(signal.SIGINT, end_at_once)  # Ctrl-C: no load balancer sends requests here
        await run_api(
            settings,
            stop=stop,
            at_once=at_once,
            listening=lambda address: click.echo(f"serving {address}", err=True),
        )

    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(until_stopped())
