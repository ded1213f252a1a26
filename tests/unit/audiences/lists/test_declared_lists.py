"""Lists in the set of what is declared: versions, generations, room, and who asks for them."""

import msgspec
import pytest

from streamseg.audiences.declared import DeclaredAudiences
from streamseg.audiences.lists.uploaded import MOST_ENTRIES, MOST_IN_ALL, MOST_LISTS, UploadedList
from streamseg.errors import NotFoundError, SettingsError

NONE = DeclaredAudiences()


def uploaded(name: str, entries: int = 1) -> UploadedList:
    return UploadedList(
        id=name, version=0, content=f"{name}.1.x", kinds=("email",), lines=1, valid=1, duplicates=0, entries=entries,
        uploaded_at=1,
    )  # fmt: skip


def test_each_upload_is_a_version_and_a_generation() -> None:
    made = NONE.with_list(uploaded("b")).with_list(uploaded("a")).with_list(uploaded("b"))
    assert [(one.id, one.version) for one in made.lists] == [("a", 1), ("b", 2)]
    assert (made.generation, NONE.with_list(uploaded("a"), 77).generation) == (3, 77)
    assert DeclaredAudiences.decode(made.encode()) == made
    assert DeclaredAudiences.decode(b'{"generation":3,"audiences":[]}').lists == ()


def test_audiences_and_lists_do_not_touch_each_other() -> None:
    made = NONE.with_list(uploaded("a")).with_("x", {"rule": {"event": "visit"}}, 3).with_list(uploaded("b"))
    changed = made.with_("x", {"rule": {"event": "purchase"}}, 3).without("x")
    assert [one.id for one in changed.lists] == ["a", "b"]
    assert [one.id for one in made.without_list("a").live] == ["x"]


@pytest.mark.parametrize(
    "rule",
    [
        {"list": "a"},
        {"not": {"list": "a"}},
        {"all": [{"event": "visit"}, {"any": [{"event": "purchase"}, {"not": {"list": "a"}}]}]},
    ],
)
def test_a_list_that_an_audience_asks_for_is_not_dropped(rule: dict[str, object]) -> None:
    made = NONE.with_list(uploaded("a")).with_list(uploaded("b")).with_("x", {"rule": rule}, 3)
    with pytest.raises(SettingsError, match="list a is asked for by x: change or drop these audiences first"):
        made.without_list("a")
    assert made.users_of("b") == []
    assert [one.id for one in made.without_list("b").lists] == ["a"]
    assert made.without("x").without_list("a").find_list("a") is None


def test_a_list_that_is_not_there_cannot_be_dropped() -> None:
    with pytest.raises(NotFoundError, match="there is no list x; there are none"):
        NONE.without_list("x")


def test_more_than_workers_are_meant_to_hold_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"list a has 2,000,001 hashes, and 2,000,000 are the most"):
        NONE.with_list(uploaded("a", MOST_ENTRIES + 1))
    full = NONE
    for n in range(MOST_IN_ALL // MOST_ENTRIES):
        full = full.with_list(uploaded(f"l-{n}", MOST_ENTRIES))
    with pytest.raises(SettingsError, match=r"all lists together would have 8,000,001 hashes, and 8,000,000"):
        full.with_list(uploaded("one-more"))
    assert full.with_list(uploaded("l-0", 1)).find_list("l-0"), "an upload takes the place of the one before"
    many = msgspec.structs.replace(NONE, lists=tuple(uploaded(f"l-{n:02}") for n in range(MOST_LISTS)))
    with pytest.raises(SettingsError, match="there are 50 lists, the most that there can be: drop one"):
        many.with_list(uploaded("z"))
