"""Audiences on the path: who enters and exits, what is told of it, and when to look again."""

import json
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from streamseg import pipeline
from streamseg.audiences.declared import DeclaredAudiences
from streamseg.features.layout import Layout
from streamseg.membership.catch_up import CatchUp
from streamseg.membership.encoding import change_record, history_record
from streamseg.membership.types import AudienceChange, Consent, Membership
from tests.support.declared import BUYERS, QUIET, VISITORS, declared, definition, live
from tests.support.path import DAY, NOW, RULES, PathUnderTest, click, purchase, record, segmentation

ERASURES = 4
LAYOUT = Layout.of(audiences=3, remembered_event_ids=64)
RULES_OF = {"visitors": VISITORS, "buyers": BUYERS, "quiet": QUIET}
ALL = declared(RULES_OF, 3)


def path_with(audiences: DeclaredAudiences = ALL, layout: Layout = LAYOUT) -> PathUnderTest:
    path = PathUnderTest(layout=layout)
    declare(path, audiences)
    return path


def declare(path: PathUnderTest, audiences: DeclaredAudiences) -> None:
    path.audiences = live(path.rows.layout, audiences)


def moves(path: PathUnderTest) -> list[str]:
    """Return the changes of audiences of the latest decision, as `+id` and `-id`."""
    signs = {"entered": "+", "exited": "-"}
    return [signs[one.change] + one.audience for entry in path.entries for one in entry.audience_changes]


def due(path: PathUnderTest, *, whole: bool = False) -> dict[str, float]:
    assert path.seen_audiences is not None
    return dict(path.seen_audiences.schedule(path.rows, path.rows.slots_of(["c-1"]), whole=whole))


def entered(path: PathUnderTest) -> list[int]:
    found: list[int] = path.rows.entered[path.rows.slots["c-1"]].tolist()
    return found


def later(path: PathUnderTest, seconds: float) -> list[dict[str, Any]]:
    """Look at the customer without an event."""
    return path.decide(path.rows.slots_of(["c-1"]), NOW + seconds)


def sizes(path: PathUnderTest) -> dict[str, int]:
    """Return the sizes of audiences."""
    return {one.partition("/")[2]: size for one, size in path.sizes.items() if "/" in one}


def test_customers_enter_with_their_event_and_exit_in_silence() -> None:
    path = path_with()
    (string,) = path.feed(0, click(0))
    assert (string["audiences"], moves(path)) == (["visitors"], ["+visitors"])

    path.feed(1, purchase(1, 10.0, at=NOW + 60), now=NOW + 60)
    assert moves(path) == ["+buyers"]
    assert entered(path) == [int(NOW), int(NOW) + 60, 0]
    assert sizes(path) == {"visitors": 1, "buyers": 1}

    later(path, 7 * DAY + 59)
    assert moves(path) == []
    (string,) = later(path, 7 * DAY + 60)
    assert (string["audiences"], moves(path)) == (["buyers", "quiet"], ["+quiet", "-visitors"])
    later(path, 30 * DAY + 60)
    assert moves(path) == ["-buyers"]
    assert entered(path) == [0, 0, int(NOW + 7 * DAY + 60)]
    assert sizes(path) == {"quiet": 1}


def test_who_stays_keeps_the_time_of_entering_also_when_the_definition_changes() -> None:
    path = path_with()
    path.feed(0, click(0))
    path.feed(0, click(1, at=NOW + 60), now=NOW + 60)
    assert entered(path)[0] == NOW

    changed = declared({"visitors": {"event": "visit", "within": "9 days"}}, 3, ALL)
    declare(path, changed)
    assert later(path, 61) == []
    assert entered(path)[0] == NOW
    later(path, 9 * DAY + 60)
    assert AudienceChange("visitors", 2, "exited") in path.entries[0].audience_changes


def test_the_next_look_is_told_only_if_its_time_changed() -> None:
    path = path_with()
    path.feed(0, click(0))
    assert due(path) == {"c-1": NOW + 7 * DAY}
    later(path, 60)
    assert due(path) == {}
    assert due(path, whole=True) == {"c-1": NOW + 7 * DAY}
    path.feed(0, click(1, at=NOW + 60), now=NOW + 60)
    assert due(path) == {"c-1": NOW + 60 + 7 * DAY}
    later(path, 60 + 7 * DAY)
    assert due(path) == {"c-1": np.inf}
    later(path, 61 + 7 * DAY)
    assert due(path) == due(path, whole=True) == {}


def test_an_erased_customer_leaves_and_is_not_due() -> None:
    path = path_with()
    path.feed(0, click(0))
    assert path.feed(ERASURES, record(ERASURES, 1, at=NOW + 1)) == [{"gone": True, "changes": ()}]
    assert (sizes(path), entered(path), due(path)) == ({}, [0, 0, 0], {"c-1": np.inf})


def test_a_customer_erased_and_back_in_one_flush_enters_anew() -> None:
    path = path_with()
    path.feed(0, click(0))
    slots, before = path.rows.slots_of(["c-1"]), path.answers_of(["c-1"])
    path.absorb(ERASURES, record(ERASURES, 1, at=NOW + 1))
    path.absorb(0, click(2, at=NOW + 2))
    gone, back = path.decide(slots, NOW + 2, before, cleared=slots)
    assert (gone["gone"], back["audiences"]) == (True, ["visitors"])
    assert [one.audience_changes for one in path.entries] == [(), (AudienceChange("visitors", 1, "entered"),)]
    assert entered(path) == [int(NOW) + 2, 0, 0], "nothing of before the erasure is left"
    assert sizes(path) == {"visitors": 1}


def test_a_dropped_audience_is_left_under_its_old_id_although_its_column_is_anothers() -> None:
    path = path_with()
    path.feed(0, click(0))
    after = ALL.without("visitors").with_("everybody", definition("everybody", {"event": "visit"}), 3)
    assert {one.id: one.column for one in after.live}["everybody"] == ALL.find("visitors").column  # type: ignore[union-attr]
    declare(path, after)
    (string,) = later(path, 60)
    assert (string["audiences"], moves(path)) == (["everybody"], ["+everybody", "-visitors"])
    assert path.entries[0].audience_changes[1] == AudienceChange("visitors", 1, "exited")
    assert entered(path)[0] == NOW + 60
    assert sizes(path) == {"everybody": 1}


def test_a_row_of_generations_ago_tells_what_its_columns_meant_then() -> None:
    path = path_with()
    path.feed(0, click(0), click(1, customer="c-2"), click(2, customer="c-3"))
    one = ALL.without("visitors")
    two = one.with_("second", definition("second", VISITORS), 3)
    three = two.without("second").with_("third", definition("third", VISITORS), 3)
    assert [found.column for found in three.audiences if found.id in {"visitors", "second", "third"}] == [0, 0, 0]
    declare(path, two)
    path.decide(path.rows.slots_of(["c-2"]), NOW + 60)
    declare(path, three)
    slots = path.rows.slots_of(["c-1", "c-2", "c-3"])
    ids, held = pipeline.belonged(path.rows, slots, path.audiences)  # type: ignore[arg-type]
    assert [[ids[at] for at in np.flatnonzero(row)] for row in held] == [["visitors"], ["second"], ["visitors"]]
    path.decide(slots, NOW + 120)
    assert moves(path) == ["+third", "-visitors", "+third", "-second", "+third", "-visitors"]
    assert sizes(path) == {"third": 3}


def test_members_of_an_audience_that_cannot_be_decided_stay() -> None:
    tracking = Layout.of(audiences=3, tracked={"search": 1})
    rules = declared({"visitors": VISITORS, "searchers": {"event": "search", "within": "2 days"}}, 3)
    path = path_with(rules, tracking)
    path.feed(0, click(0, name="search"))
    assert moves(path) == ["+searchers", "+visitors"]

    plain = path_with(rules)
    assert plain.audiences is not None
    assert plain.audiences.frozen.tolist() == [True, False]
    plain.feed(0, click(0, name="search"))
    assert moves(plain) == ["+visitors"], "nobody enters"
    plain.rows.entered[0, 1] = int(NOW) - 5
    later(plain, 9 * DAY)
    assert moves(plain) == ["-visitors"]
    assert entered(plain) == [0, int(NOW) - 5, 0]
    plain.feed(ERASURES, record(ERASURES, 1, at=NOW + 1))
    assert entered(plain) == [0, 0, 0]


def test_without_declared_audiences_strings_do_not_name_any() -> None:
    path = PathUnderTest(layout=LAYOUT)
    (string,) = path.feed(0, click(0))
    assert "audiences" not in string
    assert path.seen_audiences is None
    assert pipeline.leave_all(path.rows, path.rows.slots_of(["c-1"]), None) is None


def test_a_set_of_none_empties_all() -> None:
    path = path_with()
    path.feed(0, click(0))
    none = ALL.without("visitors").without("buyers").without("quiet")
    declare(path, none)
    (string,) = later(path, 60)
    assert (string["audiences"], moves(path), due(path)) == ([], ["-visitors"], {"c-1": np.inf})


def test_strings_and_change_records_tell_audiences_in_order() -> None:
    path = path_with()
    path.feed(1, purchase(0, 10.0))
    (entry,) = path.entries
    assert entry.membership is not None
    assert b'},"audiences":["buyers","visitors"],"consent":{' in entry.membership
    record_ = change_record(entry)
    assert record_ is not None
    told = json.loads(record_)
    assert told["audiences"] == ["buyers", "visitors"]
    assert told["audience_changes"] == json.loads(history_record(entry))["audience_changes"] == [
        {"audience": "buyers", "version": 1, "change": "entered"},
        {"audience": "visitors", "version": 1, "change": "entered"},
    ]  # fmt: skip
    later(path, DAY * 0.6)
    assert b"audience_changes" not in (change_record(path.entries[0]) or b"")
    assert not path.entries[0].is_change, "a string that is only renewed is no change"


def test_a_change_of_audiences_alone_is_a_change() -> None:
    path = path_with()
    path.feed(0, click(0))
    declare(path, ALL.without("visitors"))
    later(path, 60)
    assert (path.entries[0].changes, path.entries[0].is_change) == ((), True)


def expire(path: PathUnderTest) -> tuple[list[str], list[bytes | None]]:
    slots = path.rows.slots_of(["c-1"])
    path.entries = pipeline.exit_entries(
        path.rows,
        slots,
        now=NOW + DAY,
        wall_now=NOW + DAY,
        epoch=7,
        segmentations=path.segmentations,
        unknown=RULES.unknown_consent,
        audiences=path.audiences,
    )
    left = pipeline.leave_all(path.rows, slots, path.audiences)
    path.sizes = pipeline.count_audiences(left, path.sizes)
    assert left is not None
    assert dict(left.schedule(path.rows, slots)) == {"c-1": np.inf}
    return moves(path), [entry.membership for entry in path.entries]


def test_expired_customers_exit_their_audiences_and_are_deleted() -> None:
    path = path_with()
    path.feed(1, purchase(0, 10.0))
    left, (string, deletion) = expire(path)
    assert left == ["-buyers", "-visitors"]
    assert string is not None
    assert (json.loads(string)["audiences"], deletion) == ([], None)
    assert sizes(path) == {}


def test_expired_customers_exit_an_audience_that_was_dropped_since_their_last_look() -> None:
    path = path_with()
    path.feed(0, click(0))
    declare(path, ALL.without("visitors"))
    assert expire(path)[0] == ["-visitors"]


def test_expired_customers_without_a_segment_exit_their_audiences_too() -> None:
    path = PathUnderTest(segmentation(warm=False), layout=LAYOUT)
    declare(path, ALL)
    path.feed(0, click(0))
    assert expire(path)[0] == ["-visitors"]


def test_counts_of_audiences_add_up_over_any_split_of_the_rows() -> None:
    path = path_with()
    path.feed(0, *(click(n, customer=f"c-{n}") for n in range(7)))
    path.feed(1, *(purchase(n, 9.0, customer=f"c-{n}") for n in range(3)))
    rows, slots = path.rows, np.arange(7)
    look = pipeline.look_at_audiences(rows, slots, NOW + 8 * DAY, path.audiences)
    assert look is not None
    whole = pipeline.count_audiences(look, path.sizes)
    pieces = path.sizes
    for piece in (slice(0, 2), slice(2, 3), slice(3, 9)):
        pieces = pipeline.count_audiences(look.part(piece), pieces)
    assert pieces == whole
    path.sizes = whole
    assert sizes(path) == {"buyers": 3, "quiet": 7}


@pytest.mark.parametrize("told", [("buyers",), ("buyers", "visitors"), (), None])
def test_catching_up_with_a_published_membership_moves_audiences_to_what_readers_know(
    told: tuple[str, ...] | None,
) -> None:
    path = path_with()
    path.feed(0, click(0))
    behind = CatchUp(LAYOUT)
    consent = Consent(ads=False, personalisation=True)
    newer = Membership("c-1", 9, 5, int(NOW) + 9, {}, {"behaviour": None}, consent, told)
    behind._newer["c-1"] = newer
    slots = path.rows.slots_of(["c-1"])
    moved = pipeline.moved_by(partial(behind.apply, path.rows, ["c-1"], NOW), path.rows, slots, path.audiences)
    assert moved is not None
    assert moved.names(moved.before[0]) == ("visitors",)
    assert moved.names(moved.after[0]) == (told or ())
    assert moved.schedule(path.rows, slots) == [], "no look was made"
    path.sizes = pipeline.count_audiences(moved, path.sizes)
    assert sizes(path) == dict.fromkeys(told or (), 1)
    assert pipeline.moved_by(lambda _: None, path.rows, slots, None) is None


def test_a_look_leaves_other_rows_alone() -> None:
    path = path_with()
    path.feed(0, *(click(n, customer=f"c-{n}") for n in range(4)))
    others = np.array([0, 2])
    before = path.rows.dump(others)
    pipeline.look_at_audiences(path.rows, np.array([1, 3]), NOW + 9 * DAY, path.audiences)
    assert path.rows.dump(others) == before


def test_everybody_leaves_when_an_audience_ends() -> None:
    path = path_with()
    path.feed(0, click(0))
    assert path.audiences is not None
    ends = np.array([np.inf, np.inf, NOW + DAY])  # buyers, quiet, visitors
    path.audiences = replace(path.audiences, ends=ends)
    later(path, 60)
    assert due(path, whole=True) == {"c-1": NOW + DAY}
    later(path, DAY)
    assert moves(path) == ["-visitors"]
    path.feed(0, click(1, at=NOW + 60), now=NOW + DAY + 1)
    assert moves(path) == []
