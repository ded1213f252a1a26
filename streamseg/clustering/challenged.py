"""What came of a challenge, as snapshots keep it."""

from dataclasses import dataclass
from typing import Final, Literal

CHALLENGES_KEPT: Final = 60
"""The latest ones: two months of daily challenges."""


@dataclass(frozen=True, slots=True)
class Challenged:
    """One challenge: when (epoch seconds of event time), why, and its outcome; see `challenge.Transition`."""

    at: float
    outcome: Literal["first", "kept", "adopted"]
    cause: Literal["time", "drift"]
    running_inertia: float
    fresh_inertia: float
    moved: float
    """Share of the sampled customers whose segment changed."""
