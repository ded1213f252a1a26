"""Evaluates rules in normal form over bits: a clause is the conjunction of literals, a rule the union of clauses.

Each predicate has two literals, "known to hold" and "known not to hold": those of all predicates of the first kind,
then those of the second, then one that always holds and one that never does.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.audiences.normal_form import Clause
from streamseg.audiences.predicates import Predicate

Mask = NDArray[np.bool_]
_Places = NDArray[np.intp]

_FEW: Final = 64
"""Up to so many customers, all clauses at once are faster than one place after the other."""


class UnionsOfClauses:
    """Some rules, prepared. `place` numbers the predicates; all that are used are in it."""

    def __init__(self, rules: Sequence[Sequence[Clause]], place: Mapping[Predicate, int]) -> None:
        always, never = 2 * len(place), 2 * len(place) + 1
        by_rule = [
            [[place[one.predicate] + len(place) * (not one.holds) for one in clause] for clause in rule] or [[never]]
            for rule in rules
        ]
        longest = max((len(clause) for own in by_rule for clause in own), default=0)
        for own in by_rule:
            own[:] = [clause + [always] * (longest - len(clause)) for clause in own]
        clauses = [clause for own in by_rule for clause in own]
        self._literals: _Places = np.array(clauses, dtype=np.intp).reshape(len(clauses), longest).T
        """By place in the clause, the literal of each clause."""
        sizes = [len(own) for own in by_rule]
        self._starts: _Places = np.cumsum([0, *sizes[:-1]], dtype=np.intp)[: len(rules)]
        """First of each rule's clauses."""
        most_first = sorted(range(len(rules)), key=lambda rule: -sizes[rule])
        self._by_place: list[_Places] = [
            np.array([by_rule[rule][nth] for rule in most_first if sizes[rule] > nth], dtype=np.intp).T
            for nth in range(max(sizes, default=0))
        ]
        """By place in the rule, the same of the clauses that rules have there; those with the most clauses first."""
        self._order: _Places = np.argsort(most_first)

    def hold(self, literals: Mask) -> Mask:
        """Return where the rules hold, shape (rules, n), from the literals, shape (literals, n)."""
        if not len(self._starts):
            return np.zeros((0, literals.shape[1]), dtype=np.bool_)
        if literals.shape[1] <= _FEW:
            found: Mask = np.logical_or.reduceat(_all_of(self._literals, literals), self._starts, axis=0)
            return found
        holds = _all_of(self._by_place[0], literals)
        for further in self._by_place[1:]:
            holds[: further.shape[1]] |= _all_of(further, literals)
        return holds[self._order]

    def known_not(self, literals: Mask, hold: Mask) -> Mask:
        """Return where the rules are known not to hold; `hold` is where they do. Both have shape (rules, n)."""
        predicates = (len(literals) - 2) // 2
        yes, no = literals[:predicates], literals[predicates:-2]
        if (yes | no).all():
            return ~hold
        possible = literals.copy()
        possible[:predicates], possible[predicates:-2] = ~no, ~yes
        return ~self.hold(possible)


def _all_of(clauses: _Places, literals: Mask) -> Mask:
    """Return where clauses hold, given by place in the clause, shape (clauses, n)."""
    if not len(clauses):  # without literals they always do
        return np.ones((clauses.shape[1], literals.shape[1]), dtype=np.bool_)
    holds: Mask = literals.take(clauses[0], axis=0)
    for further in clauses[1:]:
        holds &= literals.take(further, axis=0)
    return holds
