"""Expiry: customers exit only the segments that readers were told of, then they are deleted."""

import json
import math

import pytest

from streamseg import pipeline
from tests.support.path import NOW, RULES, SEGMENTS, PathUnderTest, click, path_with_age, record

LATER = NOW + 60


def exits(path: PathUnderTest) -> list[str]:
    """Expire the customer at `LATER`; return the segments of the exits."""
    exit_entry, deletion = pipeline.exit_entries(
        path.rows,
        path.rows.slots_of(["c-1"]),
        now=LATER,
        wall_now=LATER,
        epoch=7,
        segmentations=path.segmentations,
        unknown=RULES.unknown_consent,
    )
    assert deletion.membership is None
    assert exit_entry.membership is not None
    string = json.loads(exit_entry.membership)
    public = {one.name for one in path.segmentations if one.public_from <= LATER}
    assert string["segments"].keys() == string["model"].keys() == public
    assert {change.change for change in exit_entry.changes} == {"exited"}
    return [change.segment for change in exit_entry.changes]


@pytest.mark.parametrize(
    ("public_from", "exited"),
    [
        pytest.param(0.0, [SEGMENTS[0], "age-bbbb"], id="public"),
        pytest.param(math.inf, [SEGMENTS[0]], id="in shadow"),
        pytest.param(NOW + 5, [SEGMENTS[0]], id="public since the latest string"),
    ],
)
def test_an_expired_customer_exits_only_the_segments_that_readers_were_told_of(
    public_from: float, exited: list[str]
) -> None:
    path = path_with_age(public_from=public_from)
    path.feed(0, click(0))
    path.feed(2, record(2, 0, traits={"age": 75}))

    assert exits(path) == exited
