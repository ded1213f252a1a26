"""`python -m tests.chaos`: kill, freeze and cut everything under load, then compare. See `make chaos`."""

import asyncio
import json
import sys
from pathlib import Path

import click

from tests.chaos.run import run, say
from tests.chaos.schedule import schedule


@click.command()
@click.option("--faults", default=100, show_default=True, type=click.IntRange(min=0))
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same schedule.")
@click.option("--logs", type=click.Path(path_type=Path), help="Folder to keep the workers' logs in.")
@click.option("--plan", is_flag=True, help="Only print the schedule.")
def main(faults: int, seed: int, logs: Path | None, plan: bool) -> None:
    """Real Kafka, real Redis, two workers, a steady load, and faults. The last line is JSON; exit code 1 when
    anything was lost, doubled, different or missing."""
    if plan:
        for fault in schedule(faults, seed):
            click.echo(f"{fault.at:7.2f} s  {fault.kind}  worker {fault.target}  {fault.seconds} s")
        return
    outcome = asyncio.run(run(faults, seed, say, logs))
    for one in outcome.differences[:40]:
        say(f"{one.kind}: {one.customer_id} {one.field}: live {one.live}, by the log {one.replayed}")
    for customer in outcome.changes_missing[:40]:
        say(f"changes missing: {customer}")
    say(f"workers that ended by themselves: {outcome.crashes}; graceful stops took {outcome.stop_seconds} s")
    click.echo(json.dumps(outcome.told()))
    sys.exit(1 if outcome.differences or outcome.changes_missing else 0)


if __name__ == "__main__":
    main()
