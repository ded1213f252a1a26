"""`streamseg api`: serve the memberships over HTTP."""

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

import click

from streamseg.commands import Invocation

if TYPE_CHECKING:
    from streamseg.features.layout import Layout


@click.command("api")
@click.option("--host", help="Address to listen on; default: setting api.host.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Default: setting api.port.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="Logs go to stderr.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info")
@click.pass_obj
def command(invocation: Invocation, host: str | None, port: int | None, log_format: str, log_level: str) -> None:
    """Serve lookups, ad fragments, OpenFeature and event streams, until SIGTERM or Ctrl-C."""
    from streamseg.api.assembly import api_on_redis
    from streamseg.api.server import serve
    from streamseg.stream.logs import configure_logs
    from streamseg.stream.sink import KafkaSink

    configure_logs(log_format, log_level, sys.stderr)
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = invocation.settings
    settings = settings.model_copy(update={"api": settings.api.model_copy(update=given)})

    def layout() -> "Layout":
        from streamseg.wiring import layout_of

        return layout_of(settings)

    def partition_of(customer_id: str, partitions: int) -> int:
        from streamseg.wiring import partition_of

        return partition_of(customer_id, partitions)

    async def until_told() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        sink = KafkaSink(settings.kafka)
        try:
            async with api_on_redis(settings, sink, layout=layout, partition_of=partition_of) as api:
                await serve(
                    api,
                    settings.api.host,
                    settings.api.port,
                    stop=stop,
                    listening=lambda address: click.echo(f"serving {address}", err=True),
                )
        finally:
            await sink.close()

    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(until_told())
