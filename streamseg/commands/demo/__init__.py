"""`streamseg demo`: run the whole path in one terminal, without any setup."""

from pathlib import Path

import click

from streamseg.commands import Invocation
from streamseg.commands._options import Duration, Speed, json_option


@click.command("demo")
@click.option("--for", "seconds", type=Duration(), help="Duration, such as 60s or 2m.  [default: until Ctrl-C]")
@click.option("--kafka", metavar="HOST:PORT", help="Bootstrap servers of a real Kafka, instead of the embedded broker.")
@click.option("--redis", metavar="URL", help="URL of a real Redis, instead of the embedded store.")
@click.option(
    "--customers",
    default=500,
    show_default=True,
    type=click.IntRange(min=100),
    help="Customers of the simulated shop.",
)
@click.option(
    "--days",
    default=720,
    show_default=True,
    type=click.IntRange(min=30),
    help="Days before now at which the history starts.",
)
@click.option(
    "--speed", type=Speed(), default="86400x", show_default=True, help="Multiple of real time, such as 86400x, or max."
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0), help="Seed of the simulated shop.")
@click.option(
    "--keep-logs",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Folder to copy the logs of all processes to.",
)
@click.option("--remove", is_flag=True, help="Remove what a demo left on --kafka and --redis; run nothing.")
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    *,
    seconds: float | None,
    kafka: str | None,
    redis: str | None,
    customers: int,
    days: int,
    speed: float | None,
    seed: int,
    keep_logs: Path | None,
    remove: bool,
    as_json: bool,
) -> None:
    """Watch the customers of FitGear, a simulated shop, join segments and move between them; Ctrl-C ends it.

    With --json nothing is shown until the end. Servers given with --kafka and --redis must be empty, or hold only what
    an earlier demo left there; --remove removes that.
    """
    click.echo("loading the demo ...", err=True)
    from streamseg.commands.demo._processes import History
    from streamseg.commands.demo._run import run
    from streamseg.commands.demo._servers import remove_demo

    if remove:
        if kafka is None and redis is None:
            raise click.UsageError("--remove needs --kafka, --redis or both")
        remove_demo(invocation, kafka, redis, as_json=as_json)
        return
    history = History(customers=customers, days=days, speed=speed, seed=seed)
    run(invocation, history, seconds=seconds, kafka=kafka, redis=redis, logs=keep_logs, as_json=as_json)
