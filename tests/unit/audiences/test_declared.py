"""Sets of declared audiences: ids, versions, columns and generations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.audiences.declared import DeclaredAudiences
from streamseg.errors import NotFoundError, SettingsError

NONE = DeclaredAudiences()
RULE = {"rule": {"event": "visit"}}


def of(*ids: str, columns: int = 3) -> DeclaredAudiences:
    made = NONE
    for one in ids:
        made = made.with_(one, RULE, columns)
    return made


def columns_of(audiences: DeclaredAudiences) -> dict[str, int]:
    return {one.id: one.column for one in audiences.live}


def test_each_change_is_a_generation_and_none_is_without_a_change() -> None:
    made = of("b", "a")
    assert (NONE.generation, made.generation) == (0, 2)
    assert [(one.id, one.version, one.column, one.first) for one in made.live] == [("a", 1, 1, 2), ("b", 1, 0, 1)]
    assert made.with_("a", dict(RULE), 3) is made
    changed = made.with_("a", {"rule": {}}, 3)
    found = changed.find("a")
    assert found is not None
    assert (changed.generation, found.version, found.column, found.first) == (3, 2, 1, 2)
    assert found.definition == {"rule": {}}
    assert changed.without("a").generation == 4


def test_a_dropped_id_never_comes_back() -> None:
    dropped = of("a", "b").without("a")
    assert (columns_of(dropped), dropped.find("a")) == ({"b": 1}, None)
    for _ in range(3):
        with pytest.raises(SettingsError, match="audience a was dropped, and its id does not come back"):
            dropped.with_("a", RULE, 3)
        dropped = dropped.with_(f"c-{dropped.generation}", RULE, 9)
    with pytest.raises(NotFoundError, match="there is no audience a; there are b, c-3, c-4, c-5"):
        dropped.without("a")
    with pytest.raises(NotFoundError, match="there is no audience x; there are none"):
        NONE.without("x")


def test_full_columns_are_refused_with_the_setting() -> None:
    full = of("a", "b", "c")
    with pytest.raises(SettingsError, match=r"setting audiences\.most: there are 3 audiences"):
        full.with_("d", RULE, 3)
    with pytest.raises(SettingsError, match=r"audiences\.most"):
        NONE.with_("a", RULE, 0)
    assert full.with_("a", {"rule": {}}, 3).find("a") is not None, "a change needs no further column"
    assert columns_of(full.with_("d", RULE, 4))["d"] == 3
    assert columns_of(full.without("b").with_("d", RULE, 3)) == {"a": 0, "c": 2, "d": 1}


def test_the_column_that_has_been_free_for_the_longest_time_is_taken_first() -> None:
    made = of("a", "b", "c", columns=4).without("c").without("a")
    made = made.with_("d", RULE, 4)
    assert columns_of(made)["d"] == 3, "nobody had it yet"
    assert columns_of(made.with_("e", RULE, 4))["e"] == 2
    assert columns_of(made.with_("e", RULE, 4).with_("f", RULE, 4))["f"] == 0
    again = made.with_("e", RULE, 4).without("e").with_("f", RULE, 4)
    assert columns_of(again)["f"] == 0, "its last owner counts, not its first"


def test_a_generation_tells_whose_a_column_was() -> None:
    made = of("a", "b", columns=2)
    made = made.without("a").with_("c", RULE, 2).with_("b", {"rule": {}}, 2).without("b")
    owners = [made.owners(generation) for generation in range(8)]
    assert owners == [{}, {0: "a"}, {0: "a", 1: "b"}, {1: "b"}, *[{0: "c", 1: "b"}] * 2, {0: "c"}, {0: "c"}]


def test_a_set_is_read_as_it_was_written() -> None:
    made = of("a", "b").without("a")
    assert DeclaredAudiences.decode(made.encode()) == made
    assert DeclaredAudiences.decode(None) == NONE
    with pytest.raises(ValueError, match="truncated"):
        DeclaredAudiences.decode(b"{")


steps = st.lists(st.tuples(st.sampled_from(["add", "change", "drop"]), st.integers(0, 9)), max_size=30)


@given(steps)
def test_at_any_time_a_column_is_of_one_audience_at_most(done: list[tuple[str, int]]) -> None:
    made, history = NONE, list[tuple[int, dict[int, str]]]()
    for number, (step, which) in enumerate(done):
        live = [one.id for one in made.live]
        if step == "add" and len(live) < 3:
            made = made.with_(f"a-{number}", RULE, 3)
        elif step == "change" and live:
            made = made.with_(live[which % len(live)], {"number": number}, 3)
        elif step == "drop" and live:
            made = made.without(live[which % len(live)])
        now = {column: one for one, column in columns_of(made).items()}
        assert len(now) == len(made.live)
        history.append((made.generation, now))
    assert all(made.owners(generation) == then for generation, then in history)


def test_a_set_that_was_lost_leaves_its_number_to_nobody() -> None:
    first = DeclaredAudiences().with_("one", {}, 2, at=100)
    lost = first.with_("two", {}, 2, at=105)
    again = first.with_("three", {}, 2, at=106)
    assert (first.generation, lost.generation, again.generation) == (100, 105, 106)
    assert again.with_("one", {"changed": True}, 2, at=90).generation == 107, "clocks may differ"
    assert again.without("one", at=200).generation == 200
