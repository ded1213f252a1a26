"""Laws of declared segmentations: the first rule that holds decides, for many customers at once as for each."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamseg.audiences.compiled import CompiledRules
from streamseg.audiences.meaning import OrderedRules
from streamseg.audiences.normal_form import Clause
from streamseg.audiences.predicates import Compared, InGroup, Predicate, Stays, Tree
from streamseg.clustering.identity import OUTSIDE, UNASSIGNED
from tests.properties.test_audience_properties import (
    AUDIENCES,
    FEW,
    LAYOUT,
    LISTS,
    MANY,
    Customers,
    clauses_of,
    decaying,
    trees,
)
from tests.support.slow_rules import Facts, Truth, evaluate, every, first, opposite

CODES = (1, 2, 3, 4)
CLAUSES = Sequence[tuple[Clause, ...]]


def of_first(segmentation: str) -> st.SearchStrategy[Tree]:
    """What the rules of a segmentation can ask that asks of no declared one."""
    plain = decaying.filter(lambda one: not isinstance(one, InGroup))
    return plain | st.builds(Stays, st.just(segmentation), st.sampled_from(CODES))


asked_codes = st.lists(st.sampled_from([*CODES, OUTSIDE]), min_size=1, max_size=3, unique=True).map(tuple)
of_value = of_first("value")
of_behaviour = of_first("behaviour") | st.builds(InGroup, st.just("value"), asked_codes)
of_audiences = decaying.filter(lambda one: not isinstance(one, InGroup)) | st.builds(
    InGroup, st.sampled_from(LAYOUT.segmentations), asked_codes
)


class Shop:
    """Customers, some of them outside of populations, and two declared segmentations: one asks of the other."""

    def __init__(self, data: st.DataObject) -> None:
        self.customers = Customers(data)
        rows = self.customers.slab.rows
        codes = st.sampled_from([UNASSIGNED, *CODES, OUTSIDE])
        rows.segment[:MANY] = [[data.draw(codes) for _ in LAYOUT.segmentations] for _ in range(MANY)]
        self.rules = {
            "value": clauses_of(data.draw(trees(of_value))),
            "behaviour": clauses_of(data.draw(trees(of_behaviour))),
        }
        self.audiences = clauses_of(data.draw(trees(of_audiences)))
        ordered = [OrderedRules(name, CODES, tuple(rules)) for name, rules in self.rules.items()]
        self.compiled = CompiledRules(LAYOUT, AUDIENCES, self.audiences, LISTS, ordered)


def by_hand(
    facts: Facts, segmentations: Mapping[str, CLAUSES], audiences: CLAUSES
) -> tuple[dict[str, int], list[bool], Callable[[Predicate], Truth]]:
    """Return the code in each segmentation, which audiences' rules hold, and what each predicate is."""
    is_first: dict[str, list[Truth]] = {}
    found: dict[str, int] = {}

    def truth(predicate: Predicate) -> Truth:
        if not isinstance(predicate, InGroup):
            return evaluate(predicate, facts)
        name, chosen = predicate.segmentation, predicate.codes
        if facts.groups[name] == OUTSIDE:
            return OUTSIDE in chosen
        among = [one for code, one in zip(CODES, is_first[name], strict=True) if code in chosen]
        return opposite(every(map(opposite, among)))

    for name, rules in segmentations.items():
        place, is_first[name] = first(rules, truth)
        found[name] = UNASSIGNED if place is None else CODES[place]
        if facts.groups[name] == OUTSIDE:
            found[name] = OUTSIDE
    holds = [first([rule], truth)[0] == 0 for rule in audiences]
    return found, holds, truth


@FEW
@given(data=st.data())
def test_the_first_rule_that_holds_decides_for_many_as_for_each(data: st.DataObject) -> None:
    shop = Shop(data)
    one = shop.customers
    given_ = one.slab.rows, one.slab.all, one.at, one.members
    decided, answers = shop.compiled.decide(*given_), shop.compiled.answers(*given_)
    codes = {LAYOUT.segmentations[column]: found for column, found in decided.segments}
    for slot in range(MANY):
        found, holds, truth = by_hand(one.facts(slot, one.at[slot]), shop.rules, shop.audiences)
        assert {name: int(of[slot]) for name, of in codes.items()} == found
        assert decided.members[slot].tolist() == holds
        for predicate, (yes, no) in answers.items():
            told = {(True, False): True, (False, True): False, (False, False): None}[bool(yes[slot]), bool(no[slot])]
            assert told is truth(predicate), predicate


@FEW
@given(data=st.data())
def test_any_split_and_order_of_the_customers_gives_the_same_segments(data: st.DataObject) -> None:
    shop = Shop(data)
    one = shop.customers
    whole = shop.compiled.decide(one.slab.rows, one.slab.all, one.at, one.members)
    order = np.array(data.draw(st.permutations(range(MANY))))
    for part in np.split(order, sorted(data.draw(st.lists(st.integers(0, MANY), max_size=3)))):
        if not len(part):
            continue
        decided = shop.compiled.decide(one.slab.rows, part, one.at[part], one.members[part])
        assert (decided.members == whole.members[part]).all()
        for (column, codes), (same, of_all) in zip(decided.segments, whole.segments, strict=True):
            assert column == same
            assert (codes == of_all[part]).all()


@FEW
@given(data=st.data())
def test_segments_hold_until_it_is_said(data: st.DataObject) -> None:
    shop = Shop(data)
    one = shop.customers
    rows, slots, members = one.slab.rows, one.slab.all, one.members
    if any(
        isinstance(asked, Compared) and asked.figure in {"views", "price_viewed"} for asked in shop.compiled.predicates
    ):
        return  # what fades is looked at by sweeps
    decided = shop.compiled.decide(rows, slots, one.at, members)
    last = np.where(np.isfinite(decided.until), np.maximum(decided.until - 1, one.at), one.at + 1e9)
    for (_, codes), (_, later) in zip(
        decided.segments, shop.compiled.decide(rows, slots, last, members).segments, strict=True
    ):
        assert (codes == later).all()
