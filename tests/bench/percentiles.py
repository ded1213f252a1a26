"""Percentiles of latencies by nearest rank, without interpolation."""

import math
from collections.abc import Sequence
from typing import Final

SHARES: Final = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """For each share, the smallest value that at least this share of all values does not exceed.

    Raises `ValueError` for an empty sequence.
    """
    if not seconds:
        raise ValueError("there are no latencies")
    ranked = sorted(seconds)
    return {name: round(ranked[max(0, math.ceil(share * len(ranked)) - 1)], 6) for name, share in SHARES.items()}
