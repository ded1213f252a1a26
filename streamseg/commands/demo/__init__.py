"""`streamseg demo`: the whole path in one terminal, nothing set up before."""

import re
from pathlib import Path
from typing import Any

import click

from streamseg.commands import Invocation


class Duration(click.ParamType):
    """Seconds, as `90`, `90s` or `2m`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        matched = re.fullmatch(r"(\d+(?:\.\d+)?)([sm]?)", str(value))
        if not matched:
            self.fail(f"{value!r} is not a duration such as 60s or 2m", param, ctx)
        return float(matched[1]) * (60.0 if matched[2] == "m" else 1.0)


@click.command("demo")
@click.option("--for", "seconds", type=Duration(), help="End by itself after this time, such as 60s.")
@click.option("--kafka", help="Bootstrap servers of a real broker, instead of the embedded one.")
@click.option("--redis", help="URL of a real Redis, instead of the embedded one.")
@click.option("--customers", default=500, show_default=True, type=click.IntRange(min=100))
@click.option("--days", default=720, show_default=True, type=click.IntRange(min=30), help="How long ago it starts.")
@click.option("--speed", default="86400x", show_default=True, help="A multiple of real time, or max.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@click.option("--keep-logs", type=click.Path(path_type=Path), help="Folder for the processes' logs.")
@click.option("--json", "as_json", is_flag=True, help="No screen; one JSON document on stdout at the end.")
@click.pass_obj
def command(
    invocation: Invocation,
    *,
    seconds: float | None,
    kafka: str | None,
    redis: str | None,
    customers: int,
    days: int,
    speed: str,
    seed: int,
    keep_logs: Path | None,
    as_json: bool,
) -> None:
    """Watch customers of FitGear, a simulated shop, fall into segments and move between them. Ctrl-C ends it."""
    from streamseg.commands.demo._stage import Play, run

    play = Play(customers=customers, days=days, speed=speed, seed=seed)
    run(invocation.settings, play, seconds=seconds, kafka=kafka, redis=redis, logs=keep_logs, as_json=as_json)
