"""`streamseg console`: pages for people who decide."""

import asyncio
import signal
import sys

import click

from streamseg.commands import Invocation
from streamseg.commands._options import log_options
from streamseg.errors import SettingsError


@click.command("console")
@click.option("--host", help="Address to listen on.  [default: setting console.host]")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help="Port to listen on; 0 takes a free one.  [default: setting console.port]",
)
@click.option("--demo", is_flag=True, help="Let everybody on this machine in without a key; for made-up customers.")
@log_options
@click.pass_obj
def command(
    invocation: Invocation, *, host: str | None, port: int | None, demo: bool, log_format: str, log_level: str
) -> None:
    """Serve the console until SIGTERM or Ctrl-C: pages on segments, audiences and customers, current to the second.

    People log in with a key of `streamseg keys create NAME --console viewer|editor|privacy`.
    """
    from streamseg.logs import configure_logs

    try:
        from streamseg.wiring.build_console import run_console
    except ModuleNotFoundError as error:
        raise SettingsError(f"the console needs {error.name}: pip install 'streamseg[console]'") from None

    configure_logs(log_format, log_level, sys.stderr)
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = invocation.settings
    settings = settings.model_copy(update={"console": settings.console.model_copy(update=given)})

    async def until_stopped() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, stop.set)
        await run_console(
            settings, stop=stop, demo=demo, listening=lambda address: click.echo(f"console: {address}", err=True)
        )

    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(until_stopped())
