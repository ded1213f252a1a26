"""Evaluates rules in normal form over bits: a clause is the conjunction of literals, a rule the union of clauses.

Each predicate has two literals, "known to hold" and "known not to hold". After those of all predicates come one that
always holds and one that never does.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from streamseg.audiences.normal_form import Clause
from streamseg.audiences.predicates import Predicate

Mask = NDArray[np.bool_]


class UnionsOfClauses:
    """Some rules, prepared. `place` numbers the predicates; all that are used are in it."""

    def __init__(self, rules: Sequence[Sequence[Clause]], place: Mapping[Predicate, int]) -> None:
        always, never = 2 * len(place), 2 * len(place) + 1
        clauses: list[list[int]] = []
        starts: list[int] = []
        for rule in rules:
            own = [[2 * place[one.predicate] + (not one.holds) for one in clause] for clause in rule] or [[never]]
            starts.append(len(clauses))
            clauses += own
        self._starts = np.array(starts, dtype=np.intp)
        """First of each rule's clauses."""
        longest = max(map(len, clauses), default=0)
        padded = [clause + [always] * (longest - len(clause)) for clause in clauses]
        self._literals: NDArray[np.intp] = np.array(padded, dtype=np.intp).reshape(len(clauses), longest).T
        """By place in the clause, the literal of each clause."""

    def hold(self, literals: Mask) -> Mask:
        """Return where the rules hold, shape (rules, n), from the literals, shape (literals, n)."""
        if not len(self._starts):
            return np.zeros((0, literals.shape[1]), dtype=np.bool_)
        clauses = np.ones((self._literals.shape[1], literals.shape[1]), dtype=np.bool_)
        for of_clauses in self._literals:
            clauses &= literals[of_clauses]
        holds: Mask = np.logical_or.reduceat(clauses, self._starts, axis=0)
        return holds

    def known_not(self, literals: Mask, hold: Mask) -> Mask:
        """Return where the rules are known not to hold; `hold` is where they do. Both have shape (rules, n)."""
        if (literals[:-2:2] | literals[1:-2:2]).all():
            return ~hold
        possible = literals.copy()
        possible[:-2:2], possible[1:-2:2] = ~literals[1:-2:2], ~literals[:-2:2]
        return ~self.hold(possible)
