"""The interface of a clusterer. All work in scaled space and know nothing of scales, segments or time."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from streamseg.clustering.encode import Floats

Weighted: TypeAlias = tuple[Floats, Floats]
"""Points (m, d) and their weights (m,)."""


class Clusterer(Protocol):
    """An online clusterer that gets explicit centres, and whose whole state can be written as numbers.

    None draws at random after `place`, so the same samples give the same centres in every process.
    """

    def place(self, centres: Floats) -> None:
        """Replace the centres by these (k, d)."""
        ...

    def learn_one(self, scaled: Mapping[str, float]) -> tuple[int, float]:
        """Learn one customer. Return the index of the centre that was nearest before, and the distance to it."""
        ...

    def use_steps(self, steps: Sequence[float]) -> None:
        """Set the share of the way (k,) by which each centre moves to a sample that it wins, 0 for not at all.

        Call it after `place`. A clusterer whose centres do not move by steps ignores it.
        """
        ...

    def predict_one(self, scaled: Mapping[str, float]) -> int:
        """Return the index of the nearest centre. Changes nothing."""
        ...

    def centres(self) -> Floats:
        """Return the centres (k, d)."""
        ...

    def rescale(self, factor: Floats, shift: Floats) -> None:
        """Convert the state to another scale: each coordinate z becomes factor * z + shift; both are (d,)."""
        ...

    def summary(self) -> Weighted | None:
        """Return weighted points that a challenger is fitted on; None to use the sample of customers."""
        ...

    def state(self) -> dict[str, Any]:
        """Return the state beside the centres, as JSON values."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned. Call it after `place`."""
        ...
