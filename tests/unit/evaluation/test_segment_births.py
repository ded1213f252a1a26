"""Births of segments: true or false by the groups of their members."""

from streamseg.clustering.lineage import Lineage
from streamseg.evaluation.segment_births import BirthWatch

DAY = 86_400.0
CHANGES_AT = 40 * DAY


def emerge(segment: str, day: float) -> Lineage:
    return Lineage(day * DAY, "emerge", segment)


def watched(*days: tuple[float, dict[str, list[str]]], born: list[Lineage]) -> BirthWatch:
    """Return a watch after the first model of day 1, with a segment of buyers and one of lookers, and the given days.

    Each is followed by a second day, since a segment is judged a day after its birth.
    """
    watch = BirthWatch(CHANGES_AT, DAY)
    lineage = [emerge("s-1", 0.5), emerge("s-2", 0.5)]
    watch.end_day(DAY, lineage, {"s-1": ["buyer"] * 6 + ["lapsed"] * 4, "s-2": ["looker"] * 5})
    for end, members in days:
        known = [*lineage, *(one for one in born if one.at <= end * DAY)]
        watch.end_day(end * DAY, known, {"s-1": ["buyer"] * 6, "s-2": ["looker"] * 5})
        watch.end_day((end + 1) * DAY, known, members)
    return watch


def test_segments_of_the_first_model_do_not_count_as_births() -> None:
    births = watched(born=[]).births(2)
    assert (births.before, births.after, births.newborn_after_days, births.born) == (0, 0, None, ())


def test_a_segment_for_a_group_that_had_none_is_a_true_birth() -> None:
    members = {"s-1": ["buyer"] * 6, "s-2": ["looker"] * 5, "s-3": ["lapsed"] * 3 + ["buyer"]}
    births = watched((20, members), born=[emerge("s-3", 19.5)]).births(3)
    (birth,) = births.born
    assert (birth.day, birth.group, birth.share) == (-20.5, "lapsed", 0.75)
    assert not birth.false
    assert not birth.newborn
    assert (births.before, births.false_before) == (1, 0)


def test_a_segment_for_part_of_a_group_that_has_one_or_for_a_mixture_is_a_false_birth() -> None:
    halves = {"s-1": ["buyer"] * 3, "s-2": ["looker"] * 5, "s-3": ["buyer"] * 3}
    assert watched((20, halves), born=[emerge("s-3", 20)]).births(3).false_before == 1
    mixed = {"s-1": ["buyer"] * 3, "s-2": ["looker"] * 3, "s-3": ["lapsed"] * 2 + ["buyer"] * 2 + ["looker"]}
    births = watched((20, mixed), born=[emerge("s-3", 20)]).births(3)
    assert births.false_before == 1
    assert births.born[0].group is None
    assert watched((20, {"s-1": ["buyer"]}), born=[emerge("s-3", 20)]).births(3).false_before == 1


def test_births_are_counted_in_the_thirty_days_before_and_after_the_change() -> None:
    members = {"s-1": ["buyer"] * 3}
    born = [emerge(f"s-{n}", day) for n, day in enumerate((9.9, 10.1, 40.0, 40.1, 70.0, 70.1), 3)]
    births = watched((71, members), born=born).births(8)
    assert (births.before, births.after) == (2, 2)
    assert len(births.born) == 6


def test_a_newborn_segment_is_for_a_group_without_customers_before_the_change() -> None:
    early = {"s-1": ["buyer"] * 6, "s-2": ["looker"] * 5, "s-3": ["lapsed"] * 4}
    late = early | {"s-4": ["gift giver"] * 4, "s-5": ["buyer"] * 4}
    born = [emerge("s-3", 30), emerge("s-5", 50.5), emerge("s-4", 51)]
    births = watched((30, early), (51, late), born=born).births(5)
    assert births.newborn_after_days == 11
    assert [one.newborn for one in births.born] == [False, False, True]
    assert [one.false for one in births.born] == [False, True, False]
