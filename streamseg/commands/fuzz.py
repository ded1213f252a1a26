"""`streamseg fuzz`: send broken records through the decoder and the rows."""

import json

import click

from streamseg.commands._options import json_option
from streamseg.commands._progress import progress_bar


@click.command("fuzz")
@click.option(
    "--records", default=100_000, show_default=True, type=click.IntRange(min=1), help="Number of records to try."
)
@click.option("--seed", default=1, show_default=True, help="Seed; the same seed gives the same records.")
@json_option
@click.pass_context
def command(ctx: click.Context, records: int, seed: int, as_json: bool) -> None:
    """Send broken records through the decoder and the rows.

    Each must be accepted, or rejected with a reason. Anything else is a bug: exit code 1.
    """
    from streamseg.sources.fuzzing import fuzz

    with progress_bar() as progress:
        task = progress.add_task("fuzz", total=records)
        fuzzed = fuzz(records, seed, lambda tried: progress.update(task, completed=tried))
    for crash in fuzzed.crashes:
        click.echo(crash, err=True)
    if as_json:
        named = ("tried", "accepted", "rejected", "crashed", "poisoned")
        click.echo(json.dumps({name: getattr(fuzzed, name) for name in named}))
    else:
        click.echo(f"tried {fuzzed.tried:,}, accepted {fuzzed.accepted:,}, rejected {fuzzed.rejected.total():,}:")
        for reason, count in fuzzed.rejected.most_common():
            click.echo(f"  {reason}: {count:,}")
        click.echo(f"crashed {fuzzed.crashed}, poisoned {fuzzed.poisoned}")
    ctx.exit(0 if fuzzed.harmless else 1)
