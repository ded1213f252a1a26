"""A row that catches up with the change topic goes on from what was published."""

from dataclasses import replace

from streamseg.clustering.identity import code_of
from streamseg.membership.catch_up import CatchUp
from streamseg.membership.encoding import decode
from streamseg.membership.types import SegmentMembership
from tests.support.path import NOW, SEGMENTS, PathUnderTest, click, segmentation


def test_a_look_of_the_same_tick_settles_from_the_published_segment() -> None:
    path = PathUnderTest(segmentation(looks=2))
    path.feed(0, click(0))
    (entry,) = path.entries
    assert entry.membership is not None
    told = decode(entry.membership)
    other = SegmentMembership(SEGMENTS[1], int(NOW), 0.5)
    CatchUp(path.rows.layout, {"c-1": replace(told, seq=told.seq + 5, segments={"behaviour": other})}).apply(
        path.rows, ["c-1"], NOW
    )
    path.feed(0, click(2))
    assert path.rows.segment[0, 0] == code_of(SEGMENTS[1]), "not decided again"
    assert (path.rows.candidate[0, 0], path.rows.streak[0, 0]) == (code_of(SEGMENTS[0]), 1)
