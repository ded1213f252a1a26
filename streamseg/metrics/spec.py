"""What a metric is: its name, type, meaning and labels."""

from dataclasses import dataclass
from typing import Final, Literal

LATENCY_BUCKETS_SECONDS: Final = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
)  # fmt: skip
"""Include the limits of the latency objectives. Above 300 s an event no longer counts as live."""

STAGE_BUCKETS_SECONDS: Final = (0.0001, 0.0002, 0.0005, *LATENCY_BUCKETS_SECONDS)
"""A cycle with few records has stages of less than a millisecond."""

AGE_BUCKETS_SECONDS: Final = (
    1.0, 5.0, 60.0, 600.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0, 172_800.0, 604_800.0, 2_592_000.0,
)  # fmt: skip
"""Of memberships, which are written again when half of `membership.bound_seconds` has passed."""


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric: its `attribute` on `Metrics`, its Prometheus name, which ends in the unit, and its help text."""

    attribute: str
    name: str
    type: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = LATENCY_BUCKETS_SECONDS
    """Upper limits of a histogram's buckets, seconds."""

    @property
    def unit(self) -> str:
        """Return the unit: `seconds`, `bytes`, or the things counted."""
        return self.name.removesuffix("_total").rpartition("_")[2]
