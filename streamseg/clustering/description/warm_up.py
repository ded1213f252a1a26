"""Says as data what a segmentation without segments is waiting for; `language.waiting_text` says it in a line."""

from dataclasses import asdict
from typing import Any

from streamseg.clustering.snapshot import Snapshot


def facts(snapshot: Snapshot) -> dict[str, Any]:
    """Return the progress of a warm-up as plain values; times are epoch seconds of event time."""
    return asdict(snapshot.warm_up) | {
        "ends_at": snapshot.warm_up_ends_at,
        "customers_needed_late": snapshot.customers_needed_late,
        "customers_alike": snapshot.customers_alike,
    }
