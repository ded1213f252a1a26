"""Says what a segmentation without segments is waiting for: as data and as one line."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from streamseg.clustering.snapshot import Snapshot


def facts(snapshot: Snapshot) -> dict[str, Any]:
    """Return the progress of a warm-up as plain values; times are epoch seconds of event time."""
    return asdict(snapshot.warm_up) | {
        "ends_at": snapshot.warm_up_ends_at,
        "customers_needed_late": snapshot.customers_needed_late,
        "customers_alike": snapshot.customers_alike,
    }


def missing(snapshot: Snapshot | None, needs: str = "") -> str:
    """Return one line about what is missing until there are segments.

    Args:
        snapshot: the latest; None if there is none yet.
        needs: what the segmentation lives on. It is named where nothing of it is told.
    """
    lives_on = f"; it needs {needs}" if needs else ""
    if snapshot is None or snapshot.warm_up_ends_at is None or snapshot.learned_until is None:
        return f"segments come when customers are sampled (none so far){lives_on}"
    progress, late = snapshot.warm_up, snapshot.customers_needed_late
    if snapshot.customers_alike:
        alike = f"all {progress.customers:,} are alike so far"
        return f"segments come when sampled customers differ ({alike}){lives_on}"
    if snapshot.learned_until >= snapshot.warm_up_ends_at:
        lacking = _customers(progress.customers, late)
        return f"segments come {'when ' + lacking if lacking else 'with the next samples'}"
    lacking = _customers(progress.customers, progress.customers_needed)
    too_few_events = progress.median_events < progress.events_needed
    if too_few_events:
        whose = "and their median" if lacking else "the median sampled customer"
        lacking += f" {whose} has {progress.events_needed} events ({progress.median_events:g} so far)"
    if not lacking:
        return "segments come with the next samples"
    day = datetime.fromtimestamp(snapshot.warm_up_ends_at, UTC).date().isoformat()
    if progress.customers >= late:
        end = f", at the latest on {day}"
    elif late < progress.customers_needed:
        end = f", from {day} on when {late:,} are sampled"
    else:
        end = f", from {day} on with any number of events" if too_few_events else ""
    return f"segments come when {lacking.strip()}{end}"


def _customers(sampled: int, needed: int) -> str:
    return f"{needed:,} customers are sampled ({sampled:,} so far)" if sampled < needed else ""
