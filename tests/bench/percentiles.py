"""Percentiles of latencies, none of them interpolated."""

import math
from collections.abc import Sequence
from typing import Final

SHARES: Final = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """By nearest rank: the smallest value that at least this share of all does not pass. Raises `ValueError`: none."""
    if not seconds:
        raise ValueError("there are no latencies")
    ranked = sorted(seconds)
    return {name: round(ranked[max(0, math.ceil(share * len(ranked)) - 1)], 6) for name, share in SHARES.items()}
