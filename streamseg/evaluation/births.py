"""Whether the segments that are born stand for groups of customers that were not told apart before."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from streamseg.clustering.lineage import Lineage

BIRTH_DAYS: Final = 30
MOSTLY: Final = 0.5
"""The share of a segment from which it is of a true group."""


@dataclass(frozen=True, slots=True)
class Birth:
    """A segment that emerged, by the truth about its members a day later, when they have settled in it."""

    day: float
    """Days after the change; before it they are negative."""
    group: str | None
    """The true group that most of its members are of; None when less than half are of one, or it has no members."""
    share: float
    """Of the members, those who are of that group, or of the most frequent one."""
    false: bool
    """It stands for no group, or for one that another segment stood for the day before."""
    newborn: bool
    """Its group had no customers before the change."""


@dataclass(frozen=True, slots=True)
class Births:
    """What was born around the change of a stream, in a run of `k` segments."""

    k: int
    """At least as many as there are true groups over the whole stream: there is room for one more of them."""
    before: int
    """In the 30 days before the change."""
    false_before: int
    after: int
    """In the 30 days after it."""
    newborn_after_days: float | None
    """From the change until a segment is born that stands for a group which was not there before; None: never was."""
    born: tuple[Birth, ...]
    """All after the first model, in their order."""


class BirthWatch:
    """Is shown the segments at the end of every day. Times are epoch seconds."""

    def __init__(self, changes_at: float, day: float) -> None:
        self._changes_at, self._day = changes_at, day
        self._known: set[str] = set()
        self._unsettled: list[tuple[Lineage, frozenset[str]]] = []
        """Emerged within a day, and what the other segments stood for before."""
        self._stood_for = frozenset[str]()
        self._groups_before: set[str] = set()
        self._born: list[Birth] = []

    def look(self, at: float, lineage: Sequence[Lineage], members: Mapping[str, Sequence[str]]) -> None:
        """Take in a day that ends at `at`.

        Args:
            at: the end of the day.
            lineage: all that is known of.
            members: the true groups of each segment's customers, one entry per customer.
        """
        if at <= self._changes_at + self._day / 2:
            self._groups_before.update(*members.values())
        first = not self._known
        for one in lineage:
            if one.transition == "emerge" and one.segment not in self._known:
                self._known.add(one.segment)
                if not first:
                    self._unsettled.append((one, self._stood_for))
        settled = [each for each in self._unsettled if each[0].at <= at - self._day]
        self._born += [self._birth(one, members.get(one.segment, ()), stood_for) for one, stood_for in settled]
        self._unsettled = [each for each in self._unsettled if each not in settled]
        groups = (_group(groups)[0] for groups in members.values())
        self._stood_for = frozenset(group for group in groups if group is not None)

    def births(self, k: int) -> Births:
        """What there was to see, in a run of `k` segments."""
        before = [one for one in self._born if -BIRTH_DAYS < one.day <= 0]
        return Births(
            k=k,
            before=len(before),
            false_before=sum(one.false for one in before),
            after=sum(0 < one.day <= BIRTH_DAYS for one in self._born),
            newborn_after_days=next((one.day for one in self._born if one.newborn and one.day > 0), None),
            born=tuple(self._born),
        )

    def _birth(self, one: Lineage, groups: Sequence[str], stood_for: frozenset[str]) -> Birth:
        group, share = _group(groups)
        return Birth(
            day=(one.at - self._changes_at) / self._day,
            group=group,
            share=share,
            false=group is None or group in stood_for,
            newborn=group is not None and group not in self._groups_before,
        )


def _group(groups: Iterable[str]) -> tuple[str | None, float]:
    """The group that at least half are of, if there is one, and the share of the most frequent."""
    counts = Counter(groups)
    if not counts:
        return None, 0.0
    group, count = counts.most_common(1)[0]
    share = count / counts.total()
    return group if share >= MOSTLY else None, share
