"""Laws of rules: the normal form says what the nested rule says, whatever is known of a customer."""

import itertools
import json
import math
import re
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamseg.audiences.audience_files import read_audiences
from streamseg.audiences.definition_files import DefinitionError
from streamseg.audiences.normal_form import CLAUSES, DEPTH, Clause, UnwieldyRuleError, normal_form
from streamseg.audiences.predicates import AllOf, AnyOf, Belongs, Compared, Happened, Not, Predicate, Tree
from streamseg.audiences.written.documents import parse
from streamseg.audiences.written.written_rules import KINDS
from tests.support.shop_vocabulary import VOCABULARY
from tests.support.slow_rules import Facts, Truth, evaluate, flat, nested

POOL: tuple[Predicate, ...] = tuple(Belongs(name) for name in "abcdef")
leaves: st.SearchStrategy[Tree] = st.sampled_from(POOL)


def inner(parts: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    several = st.lists(parts, max_size=4).map(tuple)
    return several.map(AllOf) | several.map(AnyOf) | parts.map(Not)


rules = st.recursive(leaves, inner, max_leaves=14)
truths = st.fixed_dictionaries({one: st.sampled_from([True, False, None]) for one in POOL})


def clauses_of(rule: Tree) -> tuple[Clause, ...] | None:
    try:
        return normal_form(rule)
    except UnwieldyRuleError as refused:
        assert levels(rule) > DEPTH or "clauses" in str(refused)  # noqa: PT017 - both are right
        return None


@settings(max_examples=150, deadline=None)
@given(rule=rules, truth=truths)
def test_the_normal_form_is_true_where_the_rule_is_and_unknown_at_most_where_the_rule_is(
    rule: Tree, truth: Mapping[Predicate, Truth]
) -> None:
    clauses = clauses_of(rule)
    if clauses is not None:
        given, found = nested(rule, truth.__getitem__), flat(clauses, truth.__getitem__)
        assert (found is True) == (given is True)
        assert found == given or (given is None and found is False)


@settings(max_examples=150, deadline=None)
@given(rule=rules, truth=truths)
def test_an_unknown_that_the_normal_form_calls_false_is_false_whatever_comes_to_be_known(
    rule: Tree, truth: Mapping[Predicate, Truth]
) -> None:
    clauses = clauses_of(rule)
    if clauses is not None and flat(clauses, truth.__getitem__) is False:
        unknown = [one for one in POOL if truth[one] is None]
        for told in itertools.product([True, False], repeat=len(unknown)):
            known = {**truth, **dict(zip(unknown, told, strict=True))}
            assert nested(rule, known.__getitem__) is False


@settings(max_examples=150, deadline=None)
@given(rule=rules)
def test_no_clause_is_needless_contradictory_or_beyond_the_limit(rule: Tree) -> None:
    clauses = [frozenset(clause) for clause in clauses_of(rule) or ()]
    assert len(clauses) <= CLAUSES
    assert not any(one < other for one in clauses for other in clauses)
    assert len(set(clauses)) == len(clauses)
    assert all(len({one.predicate for one in clause}) == len(clause) for clause in clauses)


facts = st.builds(
    Facts,
    now=st.just(1000.0),
    figures=st.dictionaries(st.sampled_from(["spend", "age"]), st.sampled_from([1.0, 2.0, math.nan])),
    times=st.dictionaries(st.sampled_from(["visit", "purchase"]), st.lists(st.integers(900, 1000), max_size=4)),
    counted_since=st.dictionaries(st.sampled_from(["visit", "purchase"]), st.sampled_from([0.0, 950.0])),
    audiences=st.frozensets(st.sampled_from("ab")),
)
asked: st.SearchStrategy[Tree] = st.one_of(
    st.builds(Compared, st.sampled_from(["spend", "age"]), st.sampled_from([">=", "<"]), st.sampled_from([1.0, 2.0])),
    st.builds(
        Happened, st.sampled_from(["visit", "purchase"]), st.integers(1, 3), st.sampled_from([20.0, 100.0, math.inf])
    ),
    st.builds(Belongs, st.sampled_from("ab")),
)


@settings(max_examples=150, deadline=None)
@given(rule=st.recursive(asked, inner, max_leaves=10), customer=facts)
def test_the_normal_form_says_of_a_customer_what_the_rule_says(rule: Tree, customer: Facts) -> None:
    clauses = clauses_of(rule)
    if clauses is not None:
        found = flat(clauses, lambda predicate: evaluate(predicate, customer))
        assert (found is True) == (evaluate(rule, customer) is True)


def levels(rule: Tree) -> int:
    match rule:
        case AllOf(parts) | AnyOf(parts):
            return 1 + max(map(levels, parts), default=0)
        case Not(part):
            return 1 + levels(part)
        case _:
            return 0


@settings(max_examples=100, deadline=None)
@given(rule=rules, extra=st.integers(0, DEPTH + 1))
def test_a_rule_is_refused_exactly_beyond_the_greatest_depth(rule: Tree, extra: int) -> None:
    for _ in range(extra):
        rule = Not(rule)
    if levels(rule) > DEPTH:
        with pytest.raises(UnwieldyRuleError, match="levels"):
            normal_form(rule)
    else:
        clauses_of(rule)


texts = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Z"]), max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(value=values, indent=st.sampled_from([None, 0, 2]))
def test_lines_of_json_are_those_that_a_parser_of_yaml_finds(value: object, indent: int | None) -> None:
    text = json.dumps({"audience": value}, indent=indent)
    read, other = parse("a.json", text), parse("a.yaml", text)
    assert read.values == {"audience": value}
    assert read.lines == other.lines


NAMES = sorted({*KINDS, "at_least", "above", "at_most", "is", "is_one_of", "enter", "leave", "within", "none_within"})
things = st.sampled_from(
    [
        "spend",
        "age",
        "gender",
        "city",
        "visit",
        "purchase",
        "running",
        "30 days",
        "behaviour-k7q2",
        "value",
        "a",
        "a\nb",
    ]
)
scalars = things | st.none() | st.booleans() | st.integers(-1, 5) | st.floats() | st.dates()
anything = st.recursive(
    scalars | st.fixed_dictionaries({"feature": things, "at_least": st.integers(0, 2)}),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
        | st.fixed_dictionaries({"all": st.lists(inner, max_size=3)})
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(rule=anything, others=st.dictionaries(st.sampled_from(["id", "expires", "minimum_size", "x"]), scalars))
def test_whatever_is_written_is_read_or_refused_with_lines_of_the_file(rule: object, others: dict[str, object]) -> None:
    audience = {"id": "a", "name": "A", "purpose": "ads", "rule": rule, **others}
    try:
        read_audiences("a.json", json.dumps({"audience": [audience]}, default=str), VOCABULARY)
    except DefinitionError as refused:
        assert refused.problems  # noqa: PT017 - both are right
        assert all(re.fullmatch(r"a\.json:1: audience .+: .+", problem) for problem in refused.problems)  # noqa: PT017
