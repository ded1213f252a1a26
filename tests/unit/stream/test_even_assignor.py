"""Partitions are divided evenly, and a worker keeps what it may keep."""

from faust.assignor.client_assignment import CopartitionedAssignment
from hypothesis import given
from hypothesis import strategies as st

from streamseg.stream.even_assignor import EvenAssignor, divide

PARTITIONS = st.integers(1, 24)
OWNED = st.dictionaries(st.sampled_from("abcdefgh"), st.sets(st.integers(0, 30)), min_size=1)


@given(OWNED, PARTITIONS)
def test_each_partition_goes_to_one_worker_and_nobody_has_two_more_than_another(
    owned: dict[str, set[int]], partitions: int
) -> None:
    divided = divide(owned, partitions)
    assert divided.keys() == owned.keys()
    assert sorted(number for numbers in divided.values() for number in numbers) == list(range(partitions))
    sizes = [len(numbers) for numbers in divided.values()]
    assert max(sizes) - min(sizes) <= 1


@given(OWNED, PARTITIONS)
def test_nothing_moves_while_the_workers_stay(owned: dict[str, set[int]], partitions: int) -> None:
    divided = divide(owned, partitions)
    assert divide(divided, partitions) == divided


@given(st.integers(1, 8), st.integers(1, 4), PARTITIONS)
def test_workers_that_come_take_only_what_makes_it_even(before: int, more: int, partitions: int) -> None:
    old = divide({f"worker-{number}": set() for number in range(before)}, partitions)
    new = divide(old | {f"a-new-one-{number}": set() for number in range(more)}, partitions)
    moved = sum(len(numbers - new[member]) for member, numbers in old.items())
    assert moved == sum(len(numbers) for member, numbers in new.items() if member not in old)
    assert all(new[member] <= numbers for member, numbers in old.items())


@given(st.integers(2, 8), PARTITIONS, st.data())
def test_what_a_lost_worker_had_goes_to_the_others_and_they_keep_theirs(
    before: int, partitions: int, data: st.DataObject
) -> None:
    old = divide({f"worker-{number}": set() for number in range(before)}, partitions)
    lost = data.draw(st.sampled_from(sorted(old)))
    left = {member: numbers for member, numbers in old.items() if member != lost}
    assert all(left[member] <= numbers for member, numbers in divide(left, partitions).items())


def test_a_worker_added_to_two_that_share_four_partitions_gets_one() -> None:
    divided = divide({"a": {0, 1}, "b": {2, 3}, "c": set()}, 4)
    assert divided == {"a": {0, 1}, "b": {2}, "c": {3}}


def test_faust_is_given_the_topics_as_one_and_no_standbys() -> None:
    before = {
        "a": CopartitionedAssignment({0, 1}, {2}, {"clicks", "purchases"}),
        "b": CopartitionedAssignment({2, 3}, {0, 1}, {"clicks", "purchases"}),
        "c": CopartitionedAssignment(None, None, {"clicks", "purchases"}),
    }
    after = EvenAssignor({"clicks", "purchases"}, before, num_partitions=4, replicas=1).get_assignment()
    assert {member: one.actives for member, one in after.items()} == {"a": {0, 1}, "b": {2}, "c": {3}}
    assert all(one.topics == {"clicks", "purchases"} and not one.standbys for one in after.values())
