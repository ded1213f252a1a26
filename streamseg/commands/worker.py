"""`streamseg worker`: take events and keep memberships current."""

import asyncio
import logging
import sys

import click

from streamseg.commands import Invocation


@click.command("worker")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="Logs go to stderr.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info")
@click.pass_obj
def command(invocation: Invocation, log_format: str, log_level: str) -> None:
    """Take events off the input topics and keep every customer's memberships current, until SIGTERM or Ctrl-C."""
    from streamseg.stream.logs import configure_logs
    from streamseg.wiring.worker import run_worker

    configure_logs(log_format, log_level, sys.stderr)
    settings = invocation.settings
    if sys.platform != "win32":
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run_worker(settings))
    else:
        asyncio.run(run_worker(settings))
    logging.getLogger(__name__).info("worker is down")
