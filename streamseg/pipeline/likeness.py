"""How much rows are like the seeds of look-alikes, and which rows are of the seeds: these are sampled on purpose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamseg.audiences.predicates import Alike
from streamseg.clustering.identity import code_of, segmentation_of
from streamseg.clustering.likeness.models import Lookalike, LookalikeOf, Lookalikes, likenesses
from streamseg.features.rows import Floats, Rows, Slots
from streamseg.features.vector import vectors
from streamseg.pipeline.audiences import AudiencesLook
from streamseg.pipeline.live_audiences import LiveAudiences
from streamseg.pipeline.looking import Looked
from streamseg.pipeline.segmentation import Segmentation, is_assignable, is_outside

Mask = NDArray[np.bool_]


class LearnedLikeness:
    """Answers predicates of likeness by the published look-alikes; see `audiences.questions.Likeness`."""

    def __init__(self, published: Lookalikes, segmentations: Sequence[Segmentation]) -> None:
        self._published = published
        self._segmentations = {one.name: one for one in segmentations}

    def _learned(self, wanted: LookalikeOf) -> Lookalike | None:
        """Return the look-alike; None if it is not learned, or from other features than the segmentation has now."""
        space, segmentation = self._published.space(wanted.by), self._segmentations.get(wanted.by)
        found = self._published.find(wanted)
        if space is None or segmentation is None or space.features != segmentation.features:
            return None
        return found if found is not None and found.is_learned else None

    def limit(self, asked: Alike) -> float:
        """Return the likeness from which the predicate holds; NaN before it is learned."""
        found = self._learned(LookalikeOf(asked.seed, asked.by))
        if found is None:
            return np.nan
        return asked.likeness if asked.likeness is not None else found.limit(asked.size or 0.0)

    def likenesses(self, rows: Rows, slots: Slots, at: Floats, wanted: Sequence[LookalikeOf]) -> Floats:
        """Return likenesses (wanted, n); NaN where they are not known."""
        found = np.full((len(wanted), len(slots)), np.nan)
        for by in dict.fromkeys(one.by for one in wanted):
            places = [place for place, one in enumerate(wanted) if one.by == by and self._learned(one) is not None]
            chosen = [one for place in places if (one := self._learned(wanted[place])) is not None]
            space = self._published.space(by)
            if not chosen or space is None:
                continue
            segmentation = self._segmentations[by]
            known = is_assignable(rows, slots, segmentation) & ~is_outside(rows, slots, segmentation, at)
            if known.any():
                values = vectors(rows, slots[known], at[known], space.features)
                answered = np.full((len(chosen), len(slots)), np.nan)
                answered[:, known] = likenesses(space, values, chosen).T
                found[places] = answered
        return found


@dataclass(frozen=True, slots=True)
class SeedsLook:
    """Which of n looked-at rows are of which seed. Masks are parallel to the slots, which are ascending."""

    slots: Slots
    members: Mapping[LookalikeOf, Mask]
    due: Mapping[LookalikeOf, Mask]
    """Who entered or left the seed, and members who were last looked at before the audiences changed."""
    shares: Mapping[LookalikeOf, float]
    """Share of the members, by rank, that is sampled."""
    of: Mapping[str, list[LookalikeOf]] = field(init=False)
    """Look-alikes by segmentation."""

    def __post_init__(self) -> None:
        names = dict.fromkeys(one.by for one in self.members)
        object.__setattr__(self, "of", {name: [one for one in self.members if one.by == name] for name in names})

    def places(self, slots: Slots) -> NDArray[np.intp]:
        """Return the places of some of the rows in the masks."""
        return np.searchsorted(self.slots, slots)


def look_at_seeds(
    rows: Rows, slots: Slots, looked: Looked, audiences: AudiencesLook | None, live: LiveAudiences | None
) -> SeedsLook | None:
    """Return which rows are of the seeds of look-alikes after a look; None where no audience asks for one."""
    if live is None or audiences is None or not live.lookalikes:
        return None
    members: dict[LookalikeOf, Mask] = {}
    due: dict[LookalikeOf, Mask] = {}
    for one in live.lookalikes:
        before, after = _membership(rows, one.seed, looked, audiences)
        members[one], due[one] = after, (before != after) | (after & audiences.fresh)
    found = {one: live.published.find(one) for one in live.lookalikes}
    shares = {one: 1.0 if kept is None else kept.sampled_share for one, kept in found.items()}
    return SeedsLook(slots, members, due, shares)


def _membership(rows: Rows, seed: str, looked: Looked, audiences: AudiencesLook) -> tuple[Mask, Mask]:
    if seed in audiences.ids:
        column = audiences.ids.index(seed)
        return audiences.before[:, column], audiences.after[:, column]
    name = segmentation_of(seed)
    if name not in rows.layout.segmentations:
        nobody = np.zeros(len(looked.before), dtype=np.bool_)
        return nobody, nobody
    s, code = rows.layout.segmentations.index(name), code_of(seed)
    return looked.before[:, s] == code, looked.after[:, s] == code
