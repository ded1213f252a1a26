"""`streamseg fuzz`: broken records at the decoder and the rows."""

import json
import sys

import click


@click.command("fuzz")
@click.option("--records", default=100_000, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same records.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_context
def command(ctx: click.Context, records: int, seed: int, as_json: bool) -> None:
    """Throw broken records at the decoder: each is accepted or rejected with a reason, or it is a bug (exit code 1)."""
    from rich.console import Console
    from rich.progress import Progress

    from streamseg.sources.fuzzing import fuzz

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
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
