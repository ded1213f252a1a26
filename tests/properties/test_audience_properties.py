"""Laws of audiences: any rule decides for many customers at once as it does for each, from what happened to them."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from streamseg.audiences.compiled import CompiledRules
from streamseg.audiences.lists.content import ListContent, LoadedList
from streamseg.audiences.normal_form import Clause, UnwieldyRuleError, normal_form
from streamseg.audiences.predicates import (
    AllOf,
    Among,
    AnyOf,
    Belongs,
    Compared,
    Happened,
    InGroup,
    Known,
    Not,
    OnList,
    Operator,
    Spent,
    Tree,
)
from streamseg.events.types import Event, Profile
from streamseg.features.identifiers.hashes import identifier_hashes, short_hash
from streamseg.features.layout import Attribute, Layout
from streamseg.features.vector import observed
from tests.support.plain_windows import Happenings, day_of
from tests.support.rows import DAY, Slab, click, item, profile, purchase
from tests.support.slow_rules import Facts, evaluate, flat

ZONE = "Europe/Stockholm"
TRACKED = {"view": 3, "view.shoes": 2, "purchase": 2}
LAYOUT = Layout.of(
    tracked=TRACKED,
    spent_days=20,
    time_zone=ZONE,
    remembered_event_ids=64,
    segmentations=("behaviour", "value"),
    attributes=(Attribute("age"), Attribute("country", ("nl", "se", "no"))),
    identifiers=("email", "phone"),
)
AUTUMN = datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp()
"""Clocks in Stockholm are set back: this day has 25 hours."""
AUDIENCES = ("a", "b", "c", "d")
MANY = 4
EMAILS, PHONES = ("a@web.nl", "b@web.nl", "c@web.nl"), ("+31611111111", "+31622222222")
LISTED: dict[str, tuple[frozenset[str], frozenset[str], float]] = {
    "people": (frozenset(), frozenset({"a@web.nl", "+31611111111"}), math.inf),
    "phones": (frozenset(), frozenset({"+31622222222"}), AUTUMN + 3 * DAY),
    "ids": (frozenset({"c-0", "c-2"}), frozenset(), AUTUMN + 20 * DAY),
    "both": (frozenset({"c-1"}), frozenset({"b@web.nl"}), AUTUMN + 30 * DAY),
    "ended": (frozenset({"c-0"}), frozenset({"a@web.nl"}), AUTUMN - DAY),
}
"""Ids, plain identifiers and end of each list."""
FEW = settings(max_examples=60, deadline=None)

times = st.integers(-30, 0).map(lambda day: AUTUMN + day * DAY) | st.floats(AUTUMN - 3 * DAY, AUTUMN)
items = st.lists(st.sampled_from(["shoes", "hats"]).map(lambda one: item(item_category=one)), max_size=2)
events = st.one_of(
    st.builds(click, times, st.sampled_from(["view_item", "search"]), items),
    st.builds(
        lambda at, cents, kind: purchase(at, cents / 100, event_name=kind),
        times,
        st.integers(1, 9_000),
        st.sampled_from(["purchase", "purchase", "refund"]),
    ),
    st.builds(lambda at, age, country: profile(at, age=age, country=country), times, st.integers(18, 80) | st.none(),
              st.sampled_from(["nl", "se", "xx"])),
)  # fmt: skip
names = {"email": st.sampled_from([*EMAILS, None]), "phone": st.sampled_from([*PHONES, None])}
told = st.builds(lambda at, traits: profile(at, **traits), times, st.fixed_dictionaries({}, optional=names))
operators: st.SearchStrategy[Operator] = st.sampled_from([">=", ">", "<=", "<", "==", "!="])
some_codes = st.lists(st.integers(0, 4), min_size=1, max_size=3).map(tuple)
windows = st.sampled_from([DAY, 3 * DAY, 29 * DAY, 30 * DAY, math.inf]) | st.integers(1, 40 * 86_400).map(float)
lasting: st.SearchStrategy[Tree] = st.one_of(
    st.builds(Compared, st.just("profile_age"), operators, st.integers(18, 80).map(float)),
    st.builds(Compared, st.just("transactions"), operators, st.integers(0, 3).map(float)),
    st.builds(Known, st.sampled_from(["profile_age", "transactions"])),
    st.builds(Among, st.just("country"), some_codes),
    st.builds(InGroup, st.sampled_from(LAYOUT.segmentations), some_codes),
    st.builds(Belongs, st.sampled_from(AUDIENCES)),
    st.builds(Happened, st.just("visit"), st.just(1), windows),
    st.sampled_from([*TRACKED]).flatmap(
        lambda event: st.builds(Happened, st.just(event), st.integers(1, TRACKED[event]), windows)
    ),
    st.builds(OnList, st.sampled_from([*LISTED])),
    st.builds(Spent, st.integers(1, 20_000), st.integers(1, LAYOUT.spent_days)),
)
decaying: st.SearchStrategy[Tree] = st.one_of(
    lasting,
    st.builds(Compared, st.sampled_from(["views", "price_viewed"]), operators, st.floats(0, 3)),
    st.builds(Known, st.sampled_from(["views", "price_viewed"])),
)


def trees(leaves: st.SearchStrategy[Tree]) -> st.SearchStrategy[list[Tree]]:
    def inner(parts: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        several = st.lists(parts, max_size=3).map(tuple)
        return several.map(AllOf) | several.map(AnyOf) | parts.map(Not)

    return st.lists(st.recursive(leaves, inner, max_leaves=8), min_size=len(AUDIENCES), max_size=len(AUDIENCES))


def clauses_of(rules: Sequence[Tree]) -> list[tuple[Clause, ...]]:
    try:
        return [normal_form(rule) for rule in rules]
    except UnwieldyRuleError:
        assume(False)
        raise


def loaded() -> dict[str, LoadedList]:
    made = {}
    for name, (ids, plain, ends) in LISTED.items():
        kinds = {"email" if "@" in one else "phone" for one in plain} | ({"id"} if ids else set())
        hashes = [
            one for text in plain for one in identifier_hashes("email" if "@" in text else "phone", text, "") or ()
        ]
        made[name] = LoadedList(ListContent.of([*map(short_hash, ids)], hashes), frozenset(kinds), ends)
    return made


LISTS = loaded()


class Customers:
    """Rows, and the plain events of each."""

    def __init__(self, data: st.DataObject) -> None:
        draw = data.draw
        self.slab = Slab(LAYOUT, [f"c-{n}" for n in range(MANY)])
        history: list[tuple[Event, int]] = draw(
            st.lists(st.tuples(events | told, st.integers(0, MANY - 1)), max_size=12)
        )
        for event, slot in history:
            self.slab.feed([event], [slot])
        self.events: list[list[Event]] = [[one for one, of in history if of == slot] for slot in range(MANY)]
        rows = self.slab.rows
        rows.segment[:MANY] = draw(
            st.lists(some_codes.map(lambda one: [one[0], one[-1]]), min_size=MANY, max_size=MANY)
        )
        since = st.just(0) | st.integers(-31, 0).map(lambda day: int(AUTUMN + day * DAY))
        rows.tracked_from[:MANY] = [[draw(since) for _ in LAYOUT.trackers] for _ in range(MANY)]
        today = day_of(AUTUMN, ZONE)
        rows.spent_from[:MANY, 0] = [draw(st.just(0) | st.integers(today - 20, today + 1)) for _ in range(MANY)]
        rows.identified_from[:MANY] = [[draw(since) for _ in LAYOUT.identifiers] for _ in range(MANY)]
        self.members: NDArray[np.bool_] = np.array(
            draw(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=MANY, max_size=MANY))
        )
        self.at = AUTUMN + np.array(draw(st.lists(st.floats(0, 33 * DAY), min_size=MANY, max_size=MANY)))

    def facts(self, slot: int, now: float) -> Facts:
        """Return what is known of a customer."""
        rows, told = self.slab.rows, Happenings.of(self.events[slot], ZONE)
        one = np.array([slot])
        names = ["profile_age", "views", "price_viewed"]
        figures = dict(zip(names, observed(rows, one, np.array([now]), names)[0].tolist(), strict=True))
        since = zip(LAYOUT.trackers, rows.tracked_from[slot].tolist(), strict=True)
        attributes = zip(LAYOUT.attributes, rows.attributes[slot].tolist(), strict=True)
        return Facts(
            now=int(now),
            today=day_of(now, ZONE),
            figures=figures | {"transactions": float(rows.transactions[slot])},
            values={of.name: int(value) for of, value in attributes if of.values and not math.isnan(value)},
            groups=dict(zip(LAYOUT.segmentations, rows.segment[slot].tolist(), strict=True)),
            times=told.times,
            counted_since={of.event: float(at) for of, at in since if at},
            amounts=told.amounts,
            summed_since=float(rows.spent_from[slot, 0]) or -math.inf,
            audiences=frozenset(name for name, in_ in zip(AUDIENCES, self.members[slot], strict=True) if in_),
            on_lists={name: self.is_on(slot, name, now) for name in LISTED},
        )

    def is_on(self, slot: int, name: str, now: float) -> bool | None:
        """Return whether a customer is on a list, by the latest that each kind of profile told; None if not known."""
        ids, plain, ends = LISTED[name]
        if now >= ends:
            return False
        answers: list[bool | None] = [f"c-{slot}" in ids]
        for column, kind in enumerate(LAYOUT.identifiers):
            if not any(("@" in one) == (kind == "email") for one in plain):
                continue
            since = self.slab.rows.identified_from[slot, column]
            ranked = [
                (one.at, identifier_hashes(kind, one.attributes[kind], ""), one.attributes[kind])
                for one in self.events[slot]
                if isinstance(one, Profile) and kind in one.attributes
            ]
            at, _, text = max(ranked, key=lambda one: one[:2], default=(-math.inf, None, None))
            answers.append(text in plain if since == 0 or at > since else None)
        return True if True in answers else None if None in answers else False


@FEW
@given(rules=trees(decaying), data=st.data())
def test_rules_decide_for_many_as_for_each_from_what_happened(rules: list[Tree], data: st.DataObject) -> None:
    clauses, customers = clauses_of(rules), Customers(data)
    compiled = CompiledRules(LAYOUT, AUDIENCES, clauses, LISTS)
    given_ = customers.slab.rows, customers.slab.all, customers.at, customers.members
    members, unknown = compiled.decide(*given_).members, compiled.unknown(*given_)
    answers = compiled.answers(*given_)
    for slot in range(MANY):
        facts = customers.facts(slot, customers.at[slot])
        assert members[slot].tolist() == [evaluate(rule, facts) is True for rule in rules]
        possible = [flat(one, lambda predicate, of=facts: evaluate(predicate, of)) for one in clauses]  # type: ignore[misc]
        assert unknown[slot].tolist() == [one is None for one in possible]
        for predicate, (yes, no) in answers.items():
            assert {(True, False): True, (False, True): False, (False, False): None}[
                bool(yes[slot]), bool(no[slot])
            ] is evaluate(predicate, facts), predicate


@FEW
@given(rules=trees(lasting), data=st.data())
def test_a_decision_holds_until_it_says(rules: list[Tree], data: st.DataObject) -> None:
    compiled, customers = CompiledRules(LAYOUT, AUDIENCES, clauses_of(rules), LISTS), Customers(data)
    rows, slots, at, members = customers.slab.rows, customers.slab.all, customers.at, customers.members
    decided = compiled.decide(rows, slots, at, members)
    assert (decided.until > at).all()
    last = np.where(np.isfinite(decided.until), np.maximum(decided.until - 1, at), at + 40 * 365 * DAY)
    between = at + (last - at) * data.draw(st.floats(0, 1))
    for moment in (last, between):
        assert (compiled.decide(rows, slots, moment, members).members == decided.members).all()
        np.testing.assert_array_equal(compiled.decide(rows, slots, moment, members).until, decided.until)


@FEW
@given(rules=trees(decaying), data=st.data())
def test_any_split_of_the_customers_gives_the_same(rules: list[Tree], data: st.DataObject) -> None:
    compiled, customers = CompiledRules(LAYOUT, AUDIENCES, clauses_of(rules), LISTS), Customers(data)
    rows, at, members = customers.slab.rows, customers.at, customers.members
    whole = compiled.decide(rows, customers.slab.all, at, members)
    order = np.array(data.draw(st.permutations(range(MANY))))
    cuts = sorted(data.draw(st.lists(st.integers(0, MANY), max_size=3)))
    for part in np.split(order, cuts):
        decided = compiled.decide(rows, part, at[part], members[part])
        assert (decided.members == whole.members[part]).all()
        assert (decided.until == whole.until[part]).all()
    often = np.tile(np.arange(MANY), 80)
    decided = compiled.decide(rows, often, at[often], members[often])
    assert (decided.members == whole.members[often]).all(), "many are decided in another way than few"
    assert (decided.until == whole.until[often]).all()
