"""`streamseg worker`: process events and keep memberships current."""

import asyncio
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Final

import click

from streamseg.commands import Invocation, print_error
from streamseg.commands._options import log_options
from streamseg.errors import StreamsegError

if TYPE_CHECKING:
    from streamseg.settings import Settings

LINGER_SECONDS: Final = 1.0
"""Time that leftover tasks and threads of libraries may delay the exit of a worker that is done."""


@click.command("worker")
@log_options
@click.pass_obj
def command(invocation: Invocation, log_format: str, log_level: str) -> None:
    """Process the events of the input topics and keep memberships current, until SIGTERM or Ctrl-C."""
    from streamseg.logs import configure_logs

    configure_logs(log_format, log_level, sys.stderr)
    if sys.platform != "win32":
        import uvloop

        # A policy, so that the thread that Faust starts for the consumer uses uvloop too.
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        with asyncio.Runner() as runner:
            code = runner.run(_run(invocation.settings))
    else:
        code = asyncio.run(_run(invocation.settings))
    if not code:
        logging.getLogger(__name__).info("worker has stopped")
    sys.exit(code)


async def _run(settings: "Settings") -> int:
    """Run the worker, then exit within `LINGER_SECONDS`. Returns the exit code."""
    from streamseg.wiring.build_worker import run_worker

    code = 1
    try:
        await run_worker(settings)
        code = 0
    except StreamsegError as error:
        code = print_error(error)
    finally:
        # Faust and aiokafka leave tasks that ignore cancellation, and a thread that waits for its broker.
        leftovers = threading.Timer(LINGER_SECONDS, os._exit, (code,))
        leftovers.daemon = True
        leftovers.start()
    return code
