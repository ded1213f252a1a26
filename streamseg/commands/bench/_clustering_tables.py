"""Shows the results of `streamseg bench clustering` as tables."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamseg.evaluation.results import StreamResult
    from streamseg.evaluation.segment_births import Births

_QUALITY: Final = (
    "method", "k", "ARI before", "ARI after", "inertia ratio", "ARI to offline", "next 30 days",
)  # fmt: skip
_UNREST: Final = (
    "method", "renamed, worst day", "moves per event", "silent moves per day", "by decay", "lag, hours",
    "new group, hours", "recourse", "adopted", "CPU us",
)  # fmt: skip


def show(results: "list[StreamResult]") -> None:
    """Print two tables and a few lines per stream."""
    from rich.console import Console

    from streamseg.commands._text import columns, folding_table

    console = Console(width=columns())
    for result in results:
        true = "" if result.true_groups is None else f", {result.true_groups} true groups"
        title = f"{result.name}, k = {result.k}: {result.customers:,} customers{true}, {result.events:,} events"
        quality, unrest = folding_table(*_QUALITY, title=title), folding_table(*_UNREST)
        quality.columns[0].no_wrap = unrest.columns[0].no_wrap = True
        for row in result.rows:
            quality.add_row(
                row.method,
                str(row.k),
                _number(row.ari_before),
                "degenerate" if row.degenerate else _number(row.ari_after),
                *map(_number, (row.inertia_ratio, row.ari_to_offline)),
                _share(row.next_30_days_explained),
            )
            unrest.add_row(
                row.method,
                *map(_share, (row.renamed_worst_day, row.flap_per_event, row.moves_without_event_per_day)),
                _share(row.moves_by_decay_per_day),
                *map(_whole, (row.lag_hours, row.group_lag_hours)),
                _number(row.recourse),
                *map(_whole, (row.adopted, row.cpu_us_per_sample)),
            )
        console.print(quality)
        console.print(unrest)
        for row in result.rows:
            if row.degenerate:
                share = row.largest_share or 0.0
                console.print(f"{row.method} is degenerate: {share:.0%} of the customers are in one cluster")
        if result.offline_self_ari is not None:
            console.print(
                f"offline k-means agrees with itself by {_number(result.offline_self_ari)} (ARI of fits on two"
                f" bootstrap samples), and with fits of up to 0.5 % more inertia by {_number(result.offline_near_ari)}"
                " at least"
            )
        console.print(
            f"renamed per day {result.renamed_mean_day:.2%} on average; unassigned {result.unassigned_share:.1%};"
            f" silent customers moved per day {result.silent_moves_per_customer_day or 0.0:.2%};"
            f" rejected records {result.rejected}"
        )
        if result.births is not None:
            console.print(_births(result.births))


def _births(births: "Births") -> str:
    newborn = births.newborn_after_days
    born = ", ".join(f"day {one.day:+.0f} {one.group or 'no group'} ({one.share:.0%})" for one in births.born)
    return (
        f"births with k = {births.k}: {births.before} in the 30 days before the change"
        f" ({births.false_before} false), {births.after} in the 30 days after it; new group"
        f" {'never found' if newborn is None else f'found after {newborn:.0f} days'}; all births: {born or 'none'}"
    )


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def _whole(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
