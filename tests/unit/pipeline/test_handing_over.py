"""Customers move to an adopted model over days: at sweeps and at their own events."""

from collections import Counter
from dataclasses import replace

import numpy as np

from streamseg import pipeline
from streamseg.clustering.assign import Assigner
from streamseg.clustering.handover import Handover
from streamseg.clustering.identity import id_of
from tests.support.path import DAY, NOW, SEGMENTS, PathUnderTest, click, purchase, segmentation

ENDS, STAYS = SEGMENTS
"""The segment by views, which the adopted model lacks, and the one by purchases."""
NEW = "behaviour-dddd"
CUSTOMERS = 400
ADOPTED = NOW - 20 * DAY


def adopted(*, in_days: float) -> pipeline.Segmentation:
    """The model of the tests, with another segment in place of the one by views, while customers move to it."""
    own = segmentation()
    assert own.assigner is not None
    before = own.assigner.snapshot
    handover = Handover(before.segments, before.centres, ADOPTED + DAY, ADOPTED + DAY + in_days * DAY)
    model = replace(before, segments=(NEW, STAYS), handover=handover if in_days else None)
    return replace(own, assigner=Assigner(model))


def with_viewers() -> PathUnderTest:
    path = PathUnderTest()
    path.feed(0, *[click(n, ADOPTED - DAY, f"c-{n}") for n in range(CUSTOMERS)], now=ADOPTED - DAY)
    assert path.sizes == {ENDS: CUSTOMERS}
    return path


def swept(path: PathUnderTest, day: float) -> Counter[str]:
    """Look at everybody at the end of a day; return the number of members."""
    path.decide(np.arange(len(path.rows)), ADOPTED + day * DAY)
    codes = path.rows.segment[: len(path.rows), 0].tolist()
    held = Counter(id_of("behaviour", code) for code in codes)
    assert path.sizes == held
    return held


def test_a_segment_that_ends_loses_its_members_day_by_day() -> None:
    path = with_viewers()
    path.segmentations = [adopted(in_days=7)]
    assert swept(path, 1.0) == {ENDS: CUSTOMERS}, "a day's notice"
    left = [swept(path, day)[ENDS] for day in range(1, 9)]
    gone = -np.diff(left)
    assert gone.sum() == CUSTOMERS
    assert gone.max() < 1.5 * CUSTOMERS / 7
    assert gone.min() > 0.5 * CUSTOMERS / 7


def test_all_leave_at_once_when_nobody_has_days_for_it() -> None:
    path = with_viewers()
    path.segmentations = [adopted(in_days=0)]
    assert swept(path, 1.0) == {NEW: CUSTOMERS}


def test_nobody_enters_a_segment_that_closes() -> None:
    path = with_viewers()
    path.segmentations = [adopted(in_days=7)]
    path.feed(0, click(CUSTOMERS, ADOPTED, "new"), now=ADOPTED)
    assert swept(path, 1.0) == {ENDS: CUSTOMERS, NEW: 1}


def test_at_their_events_too_members_stay_until_their_day() -> None:
    """Active customers would otherwise all move on the first day, and whole segments be renamed."""
    path = with_viewers()
    path.segmentations = [adopted(in_days=7)]
    path.feed(
        0, *[click(CUSTOMERS + n, ADOPTED + 1.5 * DAY, f"c-{n}") for n in range(CUSTOMERS)], now=ADOPTED + 1.5 * DAY
    )
    assert path.sizes[NEW] < 0.12 * CUSTOMERS
    path.feed(1, *[purchase(n, 9.0, ADOPTED + 1.6 * DAY, "c-1") for n in range(30)], now=ADOPTED + 1.6 * DAY)
    assert path.sizes[STAYS] == 1, "but a change of behaviour moves a customer at once"
