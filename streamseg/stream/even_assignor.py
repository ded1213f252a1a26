"""Divides partitions among the workers: evenly, and so that a worker keeps what it has.

Faust only limits what a worker owns to the mean, rounded up. Of 4 partitions that two workers share, a third worker
got none for as long as it ran; of 20 on ten workers, nine more would get none.
"""

from collections.abc import Collection, Mapping, MutableMapping

from faust.assignor.client_assignment import CopartitionedAssignment
from faust.assignor.copartitioned_assignor import CopartitionedAssignor


def divide(owned: Mapping[str, Collection[int]], partitions: int) -> dict[str, set[int]]:
    """Give each partition to one worker; the numbers that two workers own differ by one at most.

    As few partitions move as that allows.

    Args:
        owned: the partitions of each worker before, by member id; a worker that is new owns none.
        partitions: how many there are, numbered from 0.
    """
    least, more = divmod(partitions, len(owned))
    by_size = sorted(owned, key=lambda member: (-len(owned[member]), member))
    sizes = {member: least + (place < more) for place, member in enumerate(by_size)}
    free = set(range(partitions))
    divided: dict[str, set[int]] = {}
    for member in by_size:
        divided[member] = set(sorted(free.intersection(owned[member]))[: sizes[member]])
        free -= divided[member]
    left = sorted(free)
    for member, kept in divided.items():
        wanted = sizes[member] - len(kept)
        kept.update(left[:wanted])
        del left[:wanted]
    return divided


class EvenAssignor(CopartitionedAssignor):  # type: ignore[misc]  # Faust is untyped
    """Divides topics that have the same number of partitions, each number to one worker."""

    def get_assignment(self) -> MutableMapping[str, CopartitionedAssignment]:
        """Return what each worker owns from now on; there are no standbys, because there are no tables."""
        members: MutableMapping[str, CopartitionedAssignment] = self._client_assignments
        owned = {name: one.actives for name, one in members.items()}
        for name, numbers in divide(owned, self.num_partitions).items():
            members[name].actives, members[name].standbys = numbers, set()
        return members
