"""Decides for many customers at once which audiences they belong to.

Each distinct predicate is answered once. Its answer is two literals, "known to hold" and "known not to hold", so a
window that a row does not know makes neither true. A clause is the conjunction of literals, an audience the union of
clauses.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamseg.audiences.lists.content import LoadedList
from streamseg.audiences.normal_form import Clause
from streamseg.audiences.predicates import Predicate
from streamseg.audiences.questions import Asked, Mask, all_questions
from streamseg.features.layout import Layout
from streamseg.features.rows import Floats, Rows, Slots


class Decided(NamedTuple):
    """Who belongs to which of a audiences: n rows, `members` shape (n, a)."""

    members: Mask
    until: Floats
    """When an answer may change if no event comes, epoch seconds, shape (n,); infinite if none does."""


class CompiledRules:
    """The rules of all audiences, prepared for a layout.

    Raises `KeyError` for an unknown figure or list, `ValueError` for an attribute, segmentation or event that rows do
    not keep.
    """

    def __init__(
        self,
        layout: Layout,
        audiences: Sequence[str],
        rules: Sequence[Sequence[Clause]],
        lists: Mapping[str, LoadedList] | None = None,
    ) -> None:
        used = list(dict.fromkeys(one.predicate for rule in rules for clause in rule for one in clause))
        self.lists = lists or {}
        """The uploaded lists that rules ask for, and maybe others."""
        self._questions = all_questions(layout, audiences, used, self.lists)
        self.predicates = [one for questions in self._questions for one in questions.predicates]
        """Distinct predicates, in the order of their literals."""
        place = {one: index for index, one in enumerate(self.predicates)}
        always, never = 2 * len(place), 2 * len(place) + 1
        self._rules = list(rules)
        clauses: list[list[int]] = []
        starts: list[int] = []
        for rule in rules:
            own = [[2 * place[one.predicate] + (not one.holds) for one in clause] for clause in rule] or [[never]]
            starts.append(len(clauses))
            clauses += own
        self._starts = np.array(starts, dtype=np.intp)
        """First of each audience's clauses."""
        longest = max(map(len, clauses), default=0)
        padded = [clause + [always] * (longest - len(clause)) for clause in clauses]
        self._literals: NDArray[np.intp] = np.array(padded, dtype=np.intp).reshape(len(clauses), longest).T
        """By place in the clause, the literal of each clause."""

    def decide(self, rows: Rows, slots: Slots, at: Floats, members: Mask) -> Decided:
        """Decide for rows at the moments `at` (n,), epoch seconds; `members` (n, a) says who belongs now."""
        if not len(slots) or not len(self._starts):
            return Decided(np.zeros(members.shape, dtype=np.bool_), np.full(len(slots), np.inf))
        literals, until = self._answer(rows, slots, at, members)
        return Decided(self._holds(literals), until)

    def _holds(self, literals: Mask) -> Mask:
        """Return which audiences' rules hold, shape (n, a), from the literals, shape (literals, n)."""
        clauses = np.ones((self._literals.shape[1], literals.shape[1]), dtype=np.bool_)
        for of_clauses in self._literals:
            clauses &= literals[of_clauses]
        holds: Mask = np.logical_or.reduceat(clauses, self._starts, axis=0).T
        return holds

    def clauses(self, audience: int) -> Sequence[Clause]:
        """Return the rule of an audience, by its position."""
        return self._rules[audience]

    def unknown(self, rows: Rows, slots: Slots, at: Floats, members: Mask) -> Mask:
        """Return where a rule does not hold but might, if more of the row were known, shape (n, a)."""
        literals, _ = self._answer(rows, slots, at, members)
        possible = literals.copy()
        possible[:-2:2], possible[1:-2:2] = ~literals[1:-2:2], ~literals[:-2:2]
        return self._holds(possible) & ~self._holds(literals)

    def answers(self, rows: Rows, slots: Slots, at: Floats, members: Mask) -> dict[Predicate, tuple[Mask, Mask]]:
        """Return for each predicate where it is known to hold, and where it is known not to, each shape (n,)."""
        literals, _ = self._answer(rows, slots, at, members)
        return {one: (literals[2 * index], literals[2 * index + 1]) for index, one in enumerate(self.predicates)}

    def _answer(self, rows: Rows, slots: Slots, at: Floats, members: Mask) -> tuple[Mask, Floats]:
        """Return two literals for each predicate, then one that always holds and one that never does, (literals, n).

        And until when they stay as they are, shape (n,).
        """
        literals = np.zeros((2 * len(self.predicates) + 2, len(slots)), dtype=np.bool_)
        literals[-2] = True
        until, start, asked = np.full(len(slots), np.inf), 0, Asked(rows, slots, at, members)
        for questions in self._questions:
            answers = questions.answer(asked)
            end = start + 2 * len(questions.predicates)
            literals[start:end:2], literals[start + 1 : end : 2] = answers.yes, answers.no
            until, start = np.minimum(until, answers.until), end
        return literals, until
