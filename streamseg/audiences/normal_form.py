"""Brings a rule into disjunctive normal form: some clauses, of which one must hold in all its literals.

Negation is pushed to the leaves by the laws of De Morgan, which hold in Kleene's logic of three values; so do the laws
of distribution and absorption. A contradictory clause, `p and not p`, is left out: it is never true. The normal form is
therefore true exactly where the rule is, and unknown at most where the rule is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from streamseg.audiences.predicates import AllOf, AnyOf, Not, Predicate, Tree
from streamseg.errors import StreamsegError

CLAUSES: Final = 64
"""The most clauses of a normal form, and of any part of the rule on the way to it."""
DEPTH: Final = 8
"""The most levels of all, any and not above a leaf."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A predicate that must be known to be true (`holds`), or known to be false. Unknown satisfies neither."""

    predicate: Predicate
    holds: bool = True


Clause = tuple[Literal, ...]


class UnwieldyRuleError(StreamsegError):
    """The rule has too many levels or clauses."""


def normal_form(rule: Tree) -> tuple[Clause, ...]:
    """Return the clauses of a rule, none of which makes another one needless.

    No clause at all never holds; a clause without literals always does. Literals and clauses are in the order of the
    rule. Raises `UnwieldyRuleError` beyond `DEPTH` and `CLAUSES`.
    """
    if depth(rule) > DEPTH:
        raise UnwieldyRuleError(f"nested deeper than {DEPTH} levels of all, any and not")
    order: dict[Predicate, int] = {}
    masks = _clauses(rule, True, order)
    predicates = list(order)
    return tuple(tuple(Literal(predicates[bit // 2], bit % 2 == 0) for bit in _bits(mask)) for mask in masks)


def depth(rule: Tree) -> int:
    """Return the number of levels of all, any and not above the deepest leaf."""
    match rule:
        case AllOf(parts) | AnyOf(parts):
            return 1 + max(map(depth, parts), default=0)
        case Not(part):
            return 1 + depth(part)
        case _:
            return 0


def _clauses(rule: Tree, holds: bool, order: dict[Predicate, int]) -> list[int]:  # noqa: FBT001 - as in `Literal`
    """Return the clauses of a rule, or of its opposite, as bit sets.

    Bit 2n is the predicate at n in `order`, to which new ones are appended; bit 2n + 1 is that it is false.
    """
    match rule:
        case Not(part):
            return _clauses(part, not holds, order)
        case AllOf(parts) | AnyOf(parts):
            found = [_clauses(part, holds, order) for part in parts]
            if isinstance(rule, AllOf) == holds:
                return _product(found, len(order))
            return _smallest(mask for masks in found for mask in masks)
        case _:
            return [1 << 2 * order.setdefault(rule, len(order)) + (not holds)]


def _product(factors: Sequence[Sequence[int]], predicates: int) -> list[int]:
    true = sum(1 << 2 * place for place in range(predicates))
    made = [0]
    for factor in factors:
        both = (one | other for one in made for other in factor)
        made = _smallest(mask for mask in both if not mask & mask >> 1 & true)
    return made


def _smallest(masks: Iterable[int]) -> list[int]:
    """Return the clauses without those that another one includes in all its literals."""
    given = list(dict.fromkeys(masks))
    kept: list[int] = []
    for mask in sorted(given, key=int.bit_count):
        if not any(one & mask == one for one in kept):
            kept.append(mask)
            if len(kept) > CLAUSES:
                raise UnwieldyRuleError(
                    f"needs more than {CLAUSES} clauses in normal form: write it with fewer any inside of all"
                )
    chosen = set(kept)
    return [mask for mask in given if mask in chosen]


def _bits(mask: int) -> list[int]:
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]
