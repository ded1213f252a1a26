"""Decides declared segmentations: of ordered rules the first that holds.

A rule that is not known to hold or not, before any that holds, leaves it open which one is the first: the customer is
in no segment then, and whoever asks for a segment gets the answer of Kleene's logic, "this rule and none before it".
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamseg.audiences.clauses import Mask, UnionsOfClauses
from streamseg.audiences.meaning import OrderedRules
from streamseg.audiences.predicates import InGroup
from streamseg.clustering.identity import OUTSIDE, UNASSIGNED
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows, Slots

Codes = NDArray[np.uint32]


class DecidedSegments:
    """Declared segmentations that can be decided together, prepared for a layout.

    Args:
        layout: of the rows.
        segmentations: none of which asks of another one.
        asked: what rules ask of them.
        clauses: their rules, one segmentation after the other.
    """

    def __init__(
        self,
        layout: Layout,
        segmentations: Sequence[OrderedRules],
        asked: Sequence[InGroup],
        clauses: UnionsOfClauses,
    ) -> None:
        self.asked = [one for rules in segmentations for one in asked if one.segmentation == rules.segmentation]
        self.columns = [layout.segmentations.index(one.segmentation) for one in segmentations]
        self._rules = clauses
        self._ends = np.cumsum([len(one.codes) for one in segmentations]).tolist()
        self._codes = [np.array([*one.codes, UNASSIGNED], dtype=np.uint32) for one in segmentations]
        self._asked = [
            [
                (np.array([one in of.codes for one in rules.codes], dtype=np.bool_), OUTSIDE in of.codes)
                for of in self.asked
                if of.segmentation == rules.segmentation
            ]
            for rules in segmentations
        ]
        """By segmentation, for each thing asked: which of its segments, and whether those outside."""

    def decide(self, rows: Rows, slots: Slots, literals: Mask) -> tuple[list[Codes], list[tuple[Mask, Mask]]]:
        """Return the codes by segmentation, each (n,), and for all that is `asked` where it holds and where not.

        `literals` has shape (literals, n); customers outside of the population are in their group already.
        """
        yes = self._rules.hold(literals)
        no = self._rules.known_not(literals, yes)
        codes, answers, start = list[Codes](), list[tuple[Mask, Mask]](), 0
        for place, end in enumerate(self._ends):
            outside = rows.segment[slots, self.columns[place]] == OUTSIDE
            holds, is_not = yes[start:end], no[start:end]
            first, before = np.argmax(holds, axis=0), _all_before(is_not)
            found = holds & before
            decided = np.where(found.any(axis=0), first, len(holds))
            codes.append(np.where(outside, np.uint32(OUTSIDE), self._codes[place][decided]))
            never = is_not | _any_before(holds)
            for chosen, those_outside in self._asked[place]:
                inside, not_inside = found[chosen].any(axis=0), never[chosen].all(axis=0)
                answers.append(
                    (np.where(outside, those_outside, inside), np.where(outside, not those_outside, not_inside))
                )
            start = end
        return codes, answers


def _all_before(holds: Mask) -> Mask:
    """Return where all rows above hold, shape (m, n)."""
    before = np.ones_like(holds)
    np.logical_and.accumulate(holds[:-1], axis=0, out=before[1:])
    return before


def _any_before(holds: Mask) -> Mask:
    """Return where one of the rows above holds, shape (m, n)."""
    before = np.zeros_like(holds)
    np.logical_or.accumulate(holds[:-1], axis=0, out=before[1:])
    return before


def in_stages(segmentations: Sequence[OrderedRules]) -> list[list[OrderedRules]]:
    """Return the segmentations in stages: each asks only of those of the stages before its own.

    `segmentations` are in an order in which each comes after those that it asks of.
    """
    of: dict[str, int] = {}
    stages: list[list[OrderedRules]] = []
    for one in segmentations:
        asked = {
            literal.predicate.segmentation
            for rule in one.rules
            for clause in rule
            for literal in clause
            if isinstance(literal.predicate, InGroup)
        }
        stage = of[one.segmentation] = 1 + max((of[name] for name in asked if name in of), default=-1)
        if stage == len(stages):
            stages.append([])
        stages[stage].append(one)
    return stages
