"""Renders the demo's measures for the terminal."""

from datetime import UTC, datetime

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from streamseg.commands.demo._measures import Measures


def render(measures: Measures, addresses: str) -> RenderableType:
    """The whole screen."""
    return Group(_head(measures, addresses), _segments(measures), _moves(measures))


def _head(measures: Measures, addresses: str) -> RenderableType:
    def milliseconds(seconds: float | None) -> str:
        return "-" if seconds is None else f"{1000 * seconds:,.0f} ms"

    numbers = Columns(
        [
            Text.assemble((f"{measures.events_per_second:,.0f}", "bold green"), " events/s"),
            Text.assemble((f"{measures.events:,}", "bold"), " events"),
            Text.assemble((f"{measures.customers:,}", "bold"), " customers"),
            Text.assemble((f"{measures.moves:,}", "bold"), " moves"),
            Text.assemble((f"{measures.rejected:,}", "bold"), " rejected"),
            Text.assemble(
                "event to Redis ",
                (milliseconds(measures.p50), "bold"),
                " median, ",
                (milliseconds(measures.p99), "bold"),
                " p99",
            ),
        ],
        padding=(0, 3),
    )
    day = datetime.fromtimestamp(measures.now, UTC).strftime("%A, %d %B %Y") if measures.now else "warming up"
    return Panel(numbers, title=f"streamseg · FitGear · {day}", subtitle=addresses)


def _segments(measures: Measures) -> RenderableType:
    if not measures.segments:
        return Panel("all customers are unassigned until the first model has been learned", title="segments")
    table = Table("segment", "size", "share", "description", expand=True, box=None, padding=(0, 1))
    for one in measures.segments:
        bar = "█" * round(20 * one["share"])
        table.add_row(
            Text.assemble((one["label"], "bold cyan"), f"\n{one['id']}", style="default"),
            f"{one['size']:,}",
            f"{one['share']:.0%} {bar}",
            one["description"],
        )
    return Panel(table, title="segments")


def _moves(measures: Measures) -> RenderableType:
    labels = {one["id"]: one["label"] for one in measures.segments}

    def label(segment: str | None) -> str:
        return labels.get(segment, segment) if segment else "unassigned"

    lines = [f"{move.customer:<12} {label(move.exited)} → {label(move.entered)}" for move in measures.latest]
    return Panel("\n".join(lines) or "-", title="latest moves")
