"""Customers who expire or are erased leave their audiences, and so does everybody when one ends."""

import json
from dataclasses import replace

import numpy as np

from streamseg import pipeline
from streamseg.membership.types import AudienceChange
from tests.support.audience_path import ALL, LAYOUT, declare, due, entered, later, moves, path_with, sizes
from tests.support.path import DAY, NOW, RULES, PathUnderTest, click, purchase, record, segmentation

ERASURES = 4


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
