"""Audiences on the path: who enters and exits, what is told of it, and when to look again."""

import json
from functools import partial

import numpy as np
import pytest

from streamseg import pipeline
from streamseg.membership.catch_up import CatchUp
from streamseg.membership.encoding import change_record, history_record
from streamseg.membership.types import AudienceChange, Consent, Membership
from tests.support.audience_path import ALL, LAYOUT, declare, due, entered, later, moves, path_with, sizes
from tests.support.declared import declared
from tests.support.path import DAY, NOW, click, purchase


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
