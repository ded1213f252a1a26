"""The demo in the terminal."""

from datetime import UTC, datetime

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from streamseg.commands.demo._figures import Figures


def render(figures: Figures, addresses: str) -> RenderableType:
    """The whole screen."""
    return Group(_head(figures, addresses), _segments(figures), _moves(figures))


def _head(figures: Figures, addresses: str) -> RenderableType:
    def milliseconds(seconds: float | None) -> str:
        return "-" if seconds is None else f"{1000 * seconds:,.0f} ms"

    numbers = Columns(
        [
            Text.assemble((f"{figures.events_per_second:,.0f}", "bold green"), " events/s"),
            Text.assemble((f"{figures.events:,}", "bold"), " events"),
            Text.assemble((f"{figures.customers:,}", "bold"), " customers"),
            Text.assemble((f"{figures.moves:,}", "bold"), " moves"),
            Text.assemble((f"{figures.rejected:,}", "bold"), " rejected"),
            Text.assemble(
                "event to Redis ",
                (milliseconds(figures.p50), "bold"),
                " median, ",
                (milliseconds(figures.p99), "bold"),
                " p99",
            ),
        ],
        padding=(0, 3),
    )
    day = datetime.fromtimestamp(figures.now, UTC).strftime("%A, %d %B %Y") if figures.now else "warming up"
    return Panel(numbers, title=f"streamseg · FitGear · {day}", subtitle=addresses)


def _segments(figures: Figures) -> RenderableType:
    if not figures.segments:
        return Panel("every customer is unassigned until enough of them are known", title="segments")
    table = Table("segment", "size", "share", "what they are like", expand=True, box=None, padding=(0, 1))
    for one in figures.segments:
        bar = "█" * round(20 * one["share"])
        table.add_row(
            Text.assemble((one["label"], "bold cyan"), f"\n{one['id']}", style="default"),
            f"{one['size']:,}",
            f"{one['share']:.0%} {bar}",
            one["description"],
        )
    return Panel(table, title="segments")


def _moves(figures: Figures) -> RenderableType:
    labels = {one["id"]: one["label"] for one in figures.segments}

    def label(segment: str | None) -> str:
        return labels.get(segment, segment) if segment else "unassigned"

    lines = [f"{move.customer:<12} {label(move.left)} → {label(move.entered)}" for move in figures.latest]
    return Panel("\n".join(lines) or "-", title="latest moves")
