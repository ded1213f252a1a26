"""What a segmentation is learned by."""

from dataclasses import dataclass
from typing import Final

from streamseg.time_units import DAY_SECONDS

REFUSED: Final = {
    "denstream": "in river 0.26.1 its radius depends on where the data lie, and predicting changes the model",
}
"""Clusterers of River that must not be used, and why."""


@dataclass(frozen=True, slots=True)
class LearnerParams:
    """What a segmentation is learned by: its settings as plain values. Times in seconds of event time."""

    segmentation: str
    features: tuple[str, ...]
    skewed: tuple[bool, ...]
    """Which of the features go through log1p."""
    k: int
    blocks: tuple[str, ...] = ()
    """The block of each feature, as `Scale.of` takes it; empty for no blocks at all."""
    clusterer: str = "kmeans"
    step: float = 0.003
    challenge_interval: float = DAY_SECONDS
    warm_up_per_cluster: int = 20
    warm_up_events: int = 20
    """Placed at a median of 5, centres stood on customers of one or two visits, and up to a fifth of all customers were
    given new ids in a day of the first week."""
    warm_up_patience: float = 14 * DAY_SECONDS
    """After this time enough customers suffice: in many shops the median customer never has that many events."""
    sample_size: int = 2000
    """Customers that challenges are fitted on. Where nine in ten have bought once, small segments have a hundredth of
    them, and the inertia over everybody is 3 % above that of a fit on everybody; 4,000 gained 0.4 % of it on one
    stream, and the run took twice the CPU."""
    active: float = 30 * DAY_SECONDS
    """Customers not sampled for longer take no part in challenges."""
    adoption_gain: float = 0.02
    """By what share the inertia of a fresh fit must be lower. The other local optima are 5-11 % worse."""
    seed: int = 0
