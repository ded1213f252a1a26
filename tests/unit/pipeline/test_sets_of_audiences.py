"""Audiences on the path that are dropped, declared or cannot be decided while customers are members."""

import numpy as np

from streamseg import pipeline
from streamseg.features.layout import Layout
from streamseg.membership.types import AudienceChange
from tests.support.audience_path import ALL, LAYOUT, declare, due, entered, later, moves, path_with, sizes
from tests.support.declared import VISITORS, declared, definition
from tests.support.path import DAY, NOW, PathUnderTest, click, record

ERASURES = 4


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
