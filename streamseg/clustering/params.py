"""Parameters by which one segmentation is learned."""

from dataclasses import dataclass
from typing import Final

from streamseg.clustering.encode import BOUND
from streamseg.time_units import DAY_SECONDS

REFUSED: Final = {
    "denstream": "in river 0.26.1 its radius depends on where the data lie, and predicting changes the model",
}
"""River's clusterers that must not be used, each with the reason."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """What a fresh fit may move, and must gain for it (`clustering/learning/challenge.py`)."""

    leaving_cost: float = 0.5
    """Share of inertia that any fit but the polished model must gain, or staying must have cost since the latest such
    fit, per share of customers who would not keep their segment: 10 % for a fifth of them, at once or as 2 % at five
    challenges. As the gain of one challenge, 0.2 let good models come so late that the ARI after a change fell from
    0.83 to 0.64, and at 0.065 an optimum that was 3 % worse was kept for good. Each such fit costs more while customers
    move to it than it gains: at 0.2 a young shop was in a handover on most days (DESIGN.md, Handover)."""
    keeps_regret: bool = True
    """Whether what staying has cost adds up from challenge to challenge."""
    at_once: float = 0.05
    """Share of the customers below which a model may move them at once, without a handover, where no segment ends. The
    polished model is taken as far on its way as it does; at 0 it is never taken, at 1 always as a whole."""
    portions: int = 8
    """A polished model that moves more is taken by so many parts of its way."""


@dataclass(frozen=True, slots=True)
class LeastCluster:
    """What a cluster needs to be more than a handful (`clustering/learning/lloyd.py`)."""

    share: float = 0.01
    """Share of all rows, by weight, below which a cluster is a handful: the thin end of a tail, unless it lies far
    off."""
    members: float = 3
    """Customers that a cluster needs, however far off they lie: one or two are persons and no segment, and in a shop of
    40 one is already more than `share`. Of fewer nothing is said either (`difference.LEAST_DESCRIBED`)."""
    far: float = 6.0
    """Distance of a handful from the nearest other centre, in mean distances of the rows there from it, from which it
    is a group of its own."""
    shrunk: float = 0.5
    """Part of `share` and `members` below which a segment of the running model has become a handful, so that another
    fit replaces it whatever that moves. Below what a fit needs, or segments near it would come and go."""


ADOPTION: Final = Adoption()
LEAST_CLUSTER: Final = LeastCluster()


@dataclass(frozen=True, slots=True)
class LearnerParams:
    """The learning settings of one segmentation as plain values. Times are seconds of event time."""

    segmentation: str
    features: tuple[str, ...]
    skewed: tuple[bool, ...]
    """Which features are transformed by log1p."""
    k: int
    blocks: tuple[str, ...] = ()
    """The block of each feature, as `Scale.of` takes it; empty for no blocks."""
    floors: tuple[float, ...] = ()
    """The least variance of each feature or its block, as `Scale.of` takes it; empty for none."""
    bound: float | None = BOUND
    """As `Scale.bound`."""
    observed_places: tuple[int, ...] = ()
    """Where each feature stands in `Sample.observed`; empty to let features decide in which hardly anybody differs."""
    clusterer: str = "kmeans"
    step: float | None = None
    """Share of the way by which a centre moves to each sample that it wins; None to choose it from measured drift, 0 to
    let centres stand between challenges."""
    challenge_interval: float = DAY_SECONDS
    challenges_on_drift: bool = True
    """Whether an alarm of the drift watch starts a challenge before the interval has passed."""
    warm_up_per_cluster: int = 20
    """Customers needed per cluster before the first centres are placed."""
    warm_up_events: int = 20
    """Median events per sampled customer before the first centres are placed. At a median of 5, centres were placed on
    customers of one or two visits, and up to a fifth of all customers got new ids in one day of the first week."""
    warm_up_patience: float = 14 * DAY_SECONDS
    """After this time fewer events suffice, in many shops the median customer never has that many; and so do fewer
    customers, small shops never have that many."""
    late_per_cluster: int = 5
    """Customers needed per cluster once `warm_up_patience` has passed."""
    sample_size: int = 2000
    """Customers that challenges are fitted on. Where nine in ten have bought once, small segments have a hundredth of
    them, and the inertia over everybody is 3 % above that of a fit on everybody; 4,000 gained 0.4 % of it on one
    stream, and the run took twice the CPU."""
    active: float = 30 * DAY_SECONDS
    """Customers not sampled for longer take no part in challenges."""
    handover: float = 7.0
    """Challenge intervals in which customers move to an adopted model, one after the other; 0 for all at once."""
    adoption_gain: float = 0.003
    """Share by which the inertia of a fresh fit must be lower than that of River's centres. It lies below the goal of
    1 % above offline k-means: at 2 %, a model that was 1.9 % worse stayed for good."""
    adoption: Adoption = ADOPTION
    least_cluster: LeastCluster = LEAST_CLUSTER
    seed: int = 0
