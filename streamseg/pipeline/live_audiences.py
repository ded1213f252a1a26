"""The audiences and rules that hold now, and who belongs to them by the rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamseg.audiences.compiled import CompiledRules
from streamseg.audiences.declared import DeclaredAudiences
from streamseg.audiences.definition import PURPOSES
from streamseg.clustering.likeness.models import LookalikeOf, Lookalikes
from streamseg.features.rows import Floats, Rows, Slots

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LiveAudiences:
    """The audiences of one generation, and the rules of declared segmentations, as the path needs them."""

    declared: DeclaredAudiences
    rules: CompiledRules
    """Of the live audiences, sorted by id, and of the declared segmentations."""
    frozen: Mask
    """Audiences whose rule this worker cannot decide: their members stay. Shape (a,)."""
    ends: Floats
    """When each audience ends, epoch seconds, shape (a,); infinite if never."""
    lookalikes: tuple[LookalikeOf, ...] = ()
    """Those that the rules ask for."""
    published: Lookalikes = field(default_factory=Lookalikes)
    """The look-alikes that the rules answer by."""
    ids: tuple[str, ...] = field(init=False)
    columns: NDArray[np.intp] = field(init=False)
    """Of the rows, by audience."""
    any_frozen: bool = field(init=False)
    any_ends: bool = field(init=False)
    versions: Mapping[str, int] = field(init=False)
    """Of each audience that there ever was."""
    purposes: Mapping[str, int] = field(init=False)
    """Of each audience that there ever was: which of a row's answers it asks for."""
    _live_purposes: NDArray[np.intp] = field(init=False)

    def __post_init__(self) -> None:
        live = self.declared.live
        object.__setattr__(self, "ids", tuple(one.id for one in live))
        object.__setattr__(self, "columns", np.array([one.column for one in live], dtype=np.intp))
        object.__setattr__(self, "versions", {one.id: one.version for one in self.declared.audiences})
        asks = {one.id: PURPOSES.index(one.definition["purpose"]) for one in self.declared.audiences}
        object.__setattr__(self, "purposes", asks)
        object.__setattr__(self, "_live_purposes", self._purposes(self.ids))
        object.__setattr__(self, "any_frozen", bool(self.frozen.any()))
        object.__setattr__(self, "any_ends", bool(np.isfinite(self.ends).any()))

    @property
    def generation(self) -> int:
        """Generation of the set; 0 before the first audience."""
        return self.declared.generation

    def purposes_of(self, ids: Sequence[str]) -> NDArray[np.intp]:
        """Return which of a row's answers each of the audiences asks for, shape (ids,)."""
        return self._live_purposes if ids is self.ids else self._purposes(ids)

    def _purposes(self, ids: Sequence[str]) -> NDArray[np.intp]:
        return np.array([self.purposes[one] for one in ids], dtype=np.intp)


def belonged(rows: Rows, slots: Slots, live: LiveAudiences) -> tuple[tuple[str, ...], Mask]:
    """Return the ids of the live audiences, then of dropped ones with members among the rows, and who belongs to them.

    A row says so in the columns of the generation in which it was looked at last.
    """
    member = rows.entered[slots] > 0
    held: Mask = member[:, live.columns]
    if not member.shape[1]:  # the setting audiences.most is 0
        return live.ids, held
    of = rows.audiences_as_of[slots, 0]
    others = of != live.generation
    if not others.any():
        return live.ids, held
    dropped: dict[str, Mask] = {}
    for generation in np.unique(of[others]).tolist():
        then, owners = of == generation, live.declared.owners(generation)
        places = zip(live.columns.tolist(), live.ids, strict=True)
        held[np.ix_(then, [owners.get(column) != one for column, one in places])] = False
        for column, owner in owners.items():
            if owner not in live.ids and (former := member[:, column] & then).any():
                dropped[owner] = dropped.get(owner, False) | former
    return (*live.ids, *dropped), np.column_stack([held, *dropped.values()])
