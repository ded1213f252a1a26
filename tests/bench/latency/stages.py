"""The stages of a worker's cycles between two readings of its `/metrics`."""

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import Final
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

STEPS: Final = "streamseg_flow_step_seconds"
IN_ORDER: Final = ("fetch", "queue", "take", "absorb", "decide", "flush", "deliver")
ANSWER_SECONDS: Final = 60.0
"""A loaded worker on a busy machine may take its time."""
SHARES: Final = {"p50": 0.5, "p99": 0.99}

Counts = Mapping[str, Mapping[float, float]]
"""By stage: how many were at most so many seconds, by the upper limit of each bucket."""


def read(port: int) -> Counts:
    """Return the counts of a worker on this machine."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=ANSWER_SECONDS) as answer:
        return counts(answer.read().decode())


def counts(text: str) -> Counts:
    """Return the counts in the text of `/metrics`."""
    found: defaultdict[str, dict[float, float]] = defaultdict(dict)
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            if one.name == f"{STEPS}_bucket":
                found[one.labels["stage"]][float(one.labels["le"])] = one.value
    return found


def between(before: Counts, after: Counts) -> dict[str, dict[str, float]]:
    """Return p50 and p99 in seconds, and how many there were, of each stage that took place, in the order of the path.

    Within a bucket, times are taken to be spread evenly, as Prometheus' `histogram_quantile` does.
    """
    stages = {}
    for stage in IN_ORDER:
        grown = {limit: count - before.get(stage, {}).get(limit, 0) for limit, count in after.get(stage, {}).items()}
        if grown and (most := max(grown.values())) > 0:
            ranked = {f"{name}_seconds": round(_at(grown, share * most), 6) for name, share in SHARES.items()}
            stages[stage] = {**ranked, "count": most}
    return stages


def _at(grown: Mapping[float, float], rank: float) -> float:
    """Return the seconds that `rank` of the times do not exceed; the greatest finite limit for those above it."""
    steps = [(0.0, 0.0), *sorted(grown.items())]
    for (least, below), (limit, upto) in pairwise(steps):
        if upto >= rank:
            return least if limit == float("inf") else least + (limit - least) * (rank - below) / (upto - below)
    raise ValueError(rank)
