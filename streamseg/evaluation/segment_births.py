"""Checks whether newly emerged segments match true groups that had no segment of their own before."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from streamseg.clustering.lineage import Lineage

BIRTH_DAYS: Final = 30
"""Births are counted in this many days before and after the change."""
MATCHING_SHARE: Final = 0.5
"""A segment matches the true group to which at least this share of its members belongs."""


@dataclass(frozen=True, slots=True)
class Birth:
    """A segment that emerged, judged by the true groups of its members a day later, when they have settled in it."""

    day: float
    """Days after the change of the stream; negative before it."""
    group: str | None
    """The true group that the segment matches; None if it matches none or has no members."""
    share: float
    """Share of members in the most frequent true group."""
    false: bool
    """It matches no group, or one that another segment already matched the day before."""
    newborn: bool
    """It matches a group that had no customers before the change."""


@dataclass(frozen=True, slots=True)
class Births:
    """The births around the change of a stream, in a run with `k` segments."""

    k: int
    """Number of segments, as in all rows. A new group gets a segment only if one is free."""
    before: int
    """In the 30 days before the change."""
    false_before: int
    after: int
    """In the 30 days after the change."""
    newborn_after_days: float | None
    """Days from the change to the first segment that matches a new group; None if there was none."""
    born: tuple[Birth, ...]
    """All births after the first model, in order of time."""


class BirthWatch:
    """Collects births from a daily look at the segments.

    Args:
        changes_at: when the stream changes, epoch seconds.
        day: length of a day of the stream, seconds.
    """

    def __init__(self, changes_at: float, day: float) -> None:
        self._changes_at, self._day = changes_at, day
        self._known: set[str] = set()
        self._unsettled: list[tuple[Lineage, frozenset[str]]] = []
        """Segments that emerged within the last day, and the groups that the segments matched before."""
        self._matched_groups = frozenset[str]()
        self._groups_before_change: set[str] = set()
        self._born: list[Birth] = []

    def end_day(self, at: float, lineage: Sequence[Lineage], members: Mapping[str, Sequence[str]]) -> None:
        """Record the segments at the end of a day.

        Args:
            at: the end of the day, epoch seconds.
            lineage: all transitions so far.
            members: the true group of each member, by segment id.
        """
        if at <= self._changes_at + self._day / 2:
            self._groups_before_change.update(*members.values())
        first_model = not self._known
        for one in lineage:
            if one.transition == "emerge" and one.segment not in self._known:
                self._known.add(one.segment)
                if not first_model:
                    self._unsettled.append((one, self._matched_groups))
        settled = [each for each in self._unsettled if each[0].at <= at - self._day]
        self._born += [self._birth(one, members.get(one.segment, ()), matched) for one, matched in settled]
        self._unsettled = [each for each in self._unsettled if each not in settled]
        matches = (_matching_group(groups)[0] for groups in members.values())
        self._matched_groups = frozenset(group for group in matches if group is not None)

    def births(self, k: int) -> Births:
        """Return all births so far, of a run with `k` segments."""
        before = [one for one in self._born if -BIRTH_DAYS < one.day <= 0]
        return Births(
            k=k,
            before=len(before),
            false_before=sum(one.false for one in before),
            after=sum(0 < one.day <= BIRTH_DAYS for one in self._born),
            newborn_after_days=next((one.day for one in self._born if one.newborn and one.day > 0), None),
            born=tuple(self._born),
        )

    def _birth(self, one: Lineage, groups: Sequence[str], matched_before: frozenset[str]) -> Birth:
        group, share = _matching_group(groups)
        return Birth(
            day=(one.at - self._changes_at) / self._day,
            group=group,
            share=share,
            false=group is None or group in matched_before,
            newborn=group is not None and group not in self._groups_before_change,
        )


def _matching_group(groups: Iterable[str]) -> tuple[str | None, float]:
    """Return the group that a segment matches, None for none, and the share of its most frequent group."""
    counts = Counter(groups)
    if not counts:
        return None, 0.0
    group, count = counts.most_common(1)[0]
    share = count / counts.total()
    return group if share >= MATCHING_SHARE else None, share
