"""Ways of learning that differ from streamseg's in one thing each, to show what that thing is worth."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from streamseg.clustering.params import LearnerParams


@dataclass(frozen=True, slots=True)
class Variant:
    """A way of learning in the worker's path."""

    step: float | None = None
    """As `LearnerParams.step`."""
    adoption_gain: float | None = None
    """As `LearnerParams.adoption_gain`; None for its default."""
    challenges_on_drift: bool = True
    handover: float | None = None
    """As `LearnerParams.handover`; None for its default."""

    def of(self, params: LearnerParams) -> LearnerParams:
        """Return the parameters changed to this way of learning."""
        return replace(
            params,
            step=params.step if self.step is None else self.step,
            adoption_gain=params.adoption_gain if self.adoption_gain is None else self.adoption_gain,
            challenges_on_drift=self.challenges_on_drift,
            handover=params.handover if self.handover is None else self.handover,
        )


ANY_GAIN: Final = -1.0

VARIANTS: Final[Mapping[str, Variant]] = {
    "streamseg": Variant(),
    "river-off": Variant(step=0.0),
    "nightly": Variant(step=0.0, adoption_gain=ANY_GAIN, challenges_on_drift=False, handover=0.0),
}
"""By the name of the method. `river-off`: centres stand between challenges. `nightly`: they stand, no challenge comes
early, and each adopts the best of the same fits, at the same price for moved customers."""
