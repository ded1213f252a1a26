"""`streamseg worker`: take events and keep memberships current."""

import asyncio
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Final

import click

from streamseg.commands import Invocation, tell
from streamseg.errors import StreamsegError

if TYPE_CHECKING:
    from streamseg.settings import Settings

LINGER_SECONDS: Final = 1.0
"""How long tasks and threads of libraries that wait for a broker may hold up the end of a worker that is done."""


@click.command("worker")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="Logs go to stderr.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info")
@click.pass_obj
def command(invocation: Invocation, log_format: str, log_level: str) -> None:
    """Take events off the input topics and keep every customer's memberships current, until SIGTERM or Ctrl-C."""
    from streamseg.logs import configure_logs

    configure_logs(log_format, log_level, sys.stderr)
    if sys.platform != "win32":
        import uvloop

        # A policy, so that Faust's thread around the consumer has such a loop too.
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        with asyncio.Runner() as runner:
            code = runner.run(_run(invocation.settings))
    else:
        code = asyncio.run(_run(invocation.settings))
    if not code:
        logging.getLogger(__name__).info("worker is down")
    sys.exit(code)


async def _run(settings: "Settings") -> int:
    """Work, and be gone for certain soon afterwards; the exit code."""
    from streamseg.wiring.build_worker import run_worker

    code = 1
    try:
        await run_worker(settings)
        code = 0
    except StreamsegError as error:
        code = tell(error)
    finally:
        # Faust and aiokafka leave tasks that swallow their cancellation, and a thread that waits for its broker.
        leftovers = threading.Timer(LINGER_SECONDS, os._exit, (code,))
        leftovers.daemon = True
        leftovers.start()
    return code
