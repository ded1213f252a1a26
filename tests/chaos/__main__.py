"""`python -m tests.chaos` (`make chaos`): inject faults under load, then compare the store with the log."""

import asyncio
import json
import sys
from pathlib import Path

import click

from tests.chaos.run import run, say
from tests.chaos.schedule import schedule

SHOWN = 40


@click.command()
@click.option("--faults", default=100, show_default=True, type=click.IntRange(min=0), help="Number of faults.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same schedule.")
@click.option("--logs", type=click.Path(path_type=Path), help="Folder in which to save the workers' logs.")
@click.option(
    "--cluster",
    "in_cluster",
    is_flag=True,
    help="On a Redis Cluster of three primaries and three replicas: a node is killed (kill_redis), failed over by hand"
    " (cut_redis_tail) or frozen until it was replaced (cut_worker_from_redis).",
)
@click.option("--plan", is_flag=True, help="Print the schedule and exit.")
def main(faults: int, seed: int, logs: Path | None, in_cluster: bool, plan: bool) -> None:
    """Run Kafka, Redis and two workers under a steady load, and kill, freeze and disconnect them.

    Afterwards every row must hold each sent event exactly once. The last line is JSON; exit code 1 if an event was lost
    or doubled, a row differs, a change record is missing, a size is wrong, anything of an erased customer is left, ads
    see a customer who withdrew consent, others than the poisoned records were set aside, row, rule, string and size of
    an audience disagree, or a worker ended by itself.
    """
    if plan:
        for fault in schedule(faults, seed):
            click.echo(f"{fault.at:7.2f} s  {fault.kind}  worker {fault.target}  {fault.seconds} s")
        return
    report = asyncio.run(run(faults, seed, logs, in_cluster=in_cluster))
    outcome = report.outcome
    for one in outcome.differences[:SHOWN]:
        say(f"{one.kind}: customer {one.customer_id}, {one.field}: {one.live} in the store, {one.replayed} by the log")
    for title, found in {
        "row, membership string and last change record disagree: customer": outcome.changes_missing,
        "size is not the number of rows in partition": outcome.sizes_wrong,
        "left of an erased customer in": outcome.erased_left,
        "ads were told wrongly or see a withdrawn customer": outcome.withdrawn_shown,
        "wrong dead letter, or none": outcome.set_aside_wrong,
        "audiences disagree": outcome.audiences_wrong,
    }.items():
        for what in found[:SHOWN]:
            say(f"{title}: {what}")
    say(f"seconds per graceful stop: {report.stop_seconds}")
    click.echo(json.dumps(report.summary()))
    sys.exit(0 if outcome.good and not report.crashes else 1)


if __name__ == "__main__":
    main()
