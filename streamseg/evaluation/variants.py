"""Ways of learning that differ from streamseg's in one thing each, to show what that thing is worth."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from streamseg.clustering.params import Adoption, LearnerParams, LeastCluster
from streamseg.pipeline import Segmentation


@dataclass(frozen=True, slots=True)
class Variant:
    """A way of learning in the worker's path."""

    learning: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `LearnerParams` that are other ones."""
    settling: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `pipeline.Segmentation` that are other ones."""

    def of(self, params: LearnerParams) -> LearnerParams:
        """Return the parameters changed to this way of learning."""
        return replace(params, **self.learning)

    def settled(self, segmentation: Segmentation) -> Segmentation:
        """Return what a worker knows of the segmentation, changed to this way of settling."""
        return replace(segmentation, **self.settling)


ANY_GAIN: Final = -1.0

VARIANTS: Final[Mapping[str, Variant]] = {
    "streamseg": Variant(),
    "river-off": Variant({"step": 0.0}),
    "nightly": Variant({"step": 0.0, "adoption_gain": ANY_GAIN, "challenges_on_drift": False, "handover": 0.0}),
}
"""By the name of the method. `river-off`: centres stand between challenges. `nightly`: they stand, no challenge comes
early, and each adopts the best of the same fits, at the same price for moved customers."""

WITHOUT: Final[Mapping[str, Variant]] = {
    "without-handover": Variant({"handover": 0.0}),
    "without-looks": Variant(settling={"looks": 1}),
    "without-margin": Variant(settling={"margin": 0.0}),
    "without-polish": Variant({"adoption": Adoption(at_once=0.0)}),
    "without-parts": Variant({"adoption": Adoption(portions=1)}),
    "without-regret": Variant({"adoption": Adoption(keeps_regret=False)}),
    "without-leaving-cost": Variant({"adoption": Adoption(leaving_cost=0.0)}),
    "without-gain": Variant({"adoption_gain": 0.0}),
    "without-alarm": Variant({"challenges_on_drift": False}),
    "without-measured-step": Variant({"step": 0.01}),
    "without-differing": Variant({"observed_places": ()}),
    "without-least-cluster": Variant({"least_cluster": LeastCluster(share=0.0, members=0)}),
    "without-far": Variant({"least_cluster": LeastCluster(far=float("inf"))}),
    "without-shrunk": Variant({"least_cluster": LeastCluster(shrunk=0.0)}),
    "without-bound": Variant({"bound": None}),
    "without-floors": Variant({"floors": ()}),
}
"""What streamseg is without one of its mechanisms, by the name of the method (DESIGN.md, Judging the segments)."""
