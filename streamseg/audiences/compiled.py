"""Decides for many customers at once which segments of declared segmentations and which audiences they belong to.

Each distinct predicate is answered once, for all of them. Its answer is two literals, "known to hold" and "known not to
hold", so a window that a row does not know makes neither true.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from streamseg.audiences.clauses import Mask, UnionsOfClauses
from streamseg.audiences.lists.content import LoadedList
from streamseg.audiences.meaning import OrderedRules
from streamseg.audiences.normal_form import Clause
from streamseg.audiences.ordered import Codes, DecidedSegments, in_stages
from streamseg.audiences.predicates import InGroup, Predicate
from streamseg.audiences.questions import Asked, Likeness, all_questions
from streamseg.features.layout import Layout
from streamseg.features.rows import Floats, Rows, Slots


class Decided(NamedTuple):
    """Who belongs where: n rows, `members` shape (n, audiences)."""

    members: Mask
    until: Floats
    """When an answer may change if no event comes, epoch seconds, shape (n,); infinite if none does."""
    segments: Sequence[tuple[int, Codes]] = ()
    """Of each declared segmentation: its column in the rows, and the codes of the segments, shape (n,)."""


class _Answers(NamedTuple):
    literals: Mask
    """Of all predicates, see `UnionsOfClauses`, shape (literals, n)."""
    until: Floats
    segments: Sequence[tuple[int, Codes]]


class CompiledRules:
    """The rules of all audiences and declared segmentations, prepared for a layout.

    Args:
        layout: of the rows.
        audiences: their ids.
        rules: normal form of each.
        segmentations: each after those that it asks of.

    Raises `KeyError` for an unknown figure or list, `ValueError` for an attribute, segmentation or event that rows do
    not keep.
    """

    def __init__(
        self,
        layout: Layout,
        audiences: Sequence[str],
        rules: Sequence[Sequence[Clause]],
        lists: Mapping[str, LoadedList] | None = None,
        segmentations: Sequence[OrderedRules] = (),
        *,
        likeness: Likeness | None = None,
    ) -> None:
        self.lists = lists or {}
        """The uploaded lists that rules ask for, and maybe others."""
        self.likeness = likeness
        """What answers how alike customers are; None where likeness is unknown."""
        all_rules = [*(rule for one in segmentations for rule in one.rules), *rules]
        used = dict.fromkeys(one.predicate for rule in all_rules for clause in rule for one in clause)
        decided = {one.segmentation for one in segmentations}
        asked = [one for one in used if isinstance(one, InGroup) and one.segmentation in decided]
        others = [one for one in used if one not in asked]
        self._questions = all_questions(layout, audiences, others, self.lists, likeness)
        stages = in_stages(segmentations)
        self.predicates = [one for questions in self._questions for one in questions.predicates]
        """Distinct predicates, in the order of their literals."""
        for stage in stages:
            self.predicates += [one for rules_ in stage for one in asked if one.segmentation == rules_.segmentation]
        place = {one: index for index, one in enumerate(self.predicates)}
        self._stages = [
            DecidedSegments(layout, stage, asked, UnionsOfClauses([rule for one in stage for rule in one.rules], place))
            for stage in stages
        ]
        self._audiences = UnionsOfClauses(rules, place)
        self._rules = list(rules)
        self.segmentations = tuple(segmentations)

    def decide(self, rows: Rows, slots: Slots, at: Floats, members: Mask) -> Decided:
        """Decide for rows at the moments `at` (n,), epoch seconds; `members` (n, a) says who belongs now."""
        if not len(slots) or not (self._rules or self._stages):
            return Decided(np.zeros(members.shape, dtype=np.bool_), np.full(len(slots), np.inf))
        literals, until, segments = self._answer(rows, slots, at, members)
        return Decided(self._audiences.hold(literals).T, until, segments)

    def clauses(self, audience: int) -> Sequence[Clause]:
        """Return the rule of an audience, by its position."""
        return self._rules[audience]

    def unknown(self, rows: Rows, slots: Slots, at: Floats, members: Mask) -> Mask:
        """Return where an audience's rule does not hold but might, if more of the row were known, shape (n, a)."""
        literals = self._answer(rows, slots, at, members).literals
        holds = self._audiences.hold(literals)
        return (~holds & ~self._audiences.known_not(literals, holds)).T

    def answers(self, rows: Rows, slots: Slots, at: Floats, members: Mask) -> dict[Predicate, tuple[Mask, Mask]]:
        """Return for each predicate where it is known to hold, and where it is known not to, each shape (n,)."""
        literals, count = self._answer(rows, slots, at, members).literals, len(self.predicates)
        return {one: (literals[index], literals[count + index]) for index, one in enumerate(self.predicates)}

    def _answer(self, rows: Rows, slots: Slots, at: Floats, members: Mask) -> _Answers:
        """Answer all predicates and decide the declared segmentations, which predicates ask of."""
        count = len(self.predicates)
        literals = np.empty((2 * count + 2, len(slots)), dtype=np.bool_)
        literals[-2], literals[-1] = True, False
        until, start, asked = np.full(len(slots), np.inf), 0, Asked(rows, slots, at, members)
        for questions in self._questions:
            answers = questions.answer(asked)
            end = start + len(questions.predicates)
            literals[start:end], literals[count + start : count + end] = answers.yes, answers.no
            if answers.until is not None:
                np.minimum(until, answers.until, out=until)
            start = end
        segments = list[tuple[int, Codes]]()
        for stage in self._stages:
            codes, told = stage.decide(rows, slots, literals)
            segments += zip(stage.columns, codes, strict=True)
            for yes, no in told:
                literals[start], literals[count + start] = yes, no
                start += 1
        return _Answers(literals, until, segments)
