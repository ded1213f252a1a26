"""The normal form of rules: few clauses, and none that is needless."""

import pytest

from streamseg.audiences.normal_form import CLAUSES, Clause, Literal, UnwieldyRuleError, normal_form
from streamseg.audiences.predicates import AllOf, AnyOf, Belongs, Known, Not, Tree

A, B, C, D = (Belongs(name) for name in "abcd")


def written(clauses: tuple[Clause, ...]) -> list[str]:
    return [
        " ".join(("" if one.holds else "-") + str(getattr(one.predicate, "audience", "")) for one in clause)
        for clause in clauses
    ]


@pytest.mark.parametrize(
    ("rule", "clauses"),
    [
        (A, ["a"]),
        (Not(A), ["-a"]),
        (Not(Not(A)), ["a"]),
        (AllOf((A, B)), ["a b"]),
        (AnyOf((A, B)), ["a", "b"]),
        (Not(AllOf((A, B))), ["-a", "-b"]),
        (Not(AnyOf((A, B))), ["-a -b"]),
        (AllOf((AnyOf((A, B)), AnyOf((C, D)))), ["a c", "a d", "b c", "b d"]),
        (AllOf((AnyOf((A, B)), AnyOf((A, C)))), ["a", "b c"]),
        (AnyOf((A, AllOf((A, B)))), ["a"]),
        (AllOf((A, AnyOf((Not(A), B)))), ["a b"]),
        (AllOf((A, Not(A))), []),
        (AnyOf((A, Not(A))), ["a", "-a"]),
        (AllOf(()), [""]),
        (AnyOf(()), []),
        (AllOf((A, A)), ["a"]),
    ],
)
def test_a_rule_has_these_clauses(rule: Tree, clauses: list[str]) -> None:
    assert written(normal_form(rule)) == clauses


def test_equal_predicates_are_one() -> None:
    assert normal_form(AnyOf((Known("x"), Known("x")))) == ((Literal(Known("x")),),)


def pairs(count: int) -> Tree:
    return AllOf(tuple(AnyOf((Belongs(f"{number}a"), Belongs(f"{number}b"))) for number in range(count)))


def test_as_many_clauses_as_allowed_are_made_and_no_more() -> None:
    assert len(normal_form(pairs(6))) == CLAUSES
    with pytest.raises(UnwieldyRuleError, match="more than 64 clauses"):
        normal_form(pairs(7))


def test_many_clauses_are_refused_before_they_are_made() -> None:
    with pytest.raises(UnwieldyRuleError, match="more than 64 clauses"):
        normal_form(pairs(40))
