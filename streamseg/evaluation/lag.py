"""Measures how long it takes until a customer who changes is in a segment of those who are like that."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.identity import UNASSIGNED
from streamseg.sources.truth import TruthRow

HOUR_SECONDS: Final = 3600.0
LONGEST_HOURS: Final = 30 * 24.0
"""A customer or a group that is not found by then counts with this lag. Changes nearer to the end do not count."""


class LagWatch:
    """Compares segments with the true groups after every flush.

    A segment matches the group that most of its members belong to at the time.

    Args:
        truth: of the stream.
        starts_at: of the stream, epoch seconds.
        ends_at: of the stream, epoch seconds.
    """

    def __init__(self, truth: Sequence[TruthRow], starts_at: float, ends_at: float) -> None:
        self._groups = sorted({row.label for row in truth})
        number = {label: index for index, label in enumerate(self._groups)}
        latest = ends_at - LONGEST_HOURS * HOUR_SECONDS
        self._changes = sorted(
            (row.since, row.customer_id, number[row.label]) for row in truth if row.since is not None
        )
        self._first = {row.customer_id: number[row.label] for row in truth if row.since is None}
        self._done = 0
        """Changes that have begun."""
        self._slots: dict[str, int] = {}
        self._group = np.array([], dtype=np.intp)
        """True group by slot now; -1 for none."""
        self._waiting: dict[int, tuple[float, int]] = {}
        """Time of the change and new group of customers who are not found yet, by slot."""
        unborn = {group for _, _, group in self._changes} - set(self._first.values())
        self._unborn = {group: min(at for at, _, new in self._changes if new == group) for group in unborn}
        self._unborn = {group: at for group, at in self._unborn.items() if starts_at < at <= latest}
        self._latest = latest
        self._hours: list[float] = []
        self._group_hours: list[float] = []

    def look(self, customer_ids: Sequence[str], codes: NDArray[np.uint32], now: float) -> None:
        """Take the segments of all rows at `now` (epoch seconds).

        Args:
            customer_ids: by slot; only grows.
            codes: segment code by slot (n,).
            now: never before that of an earlier call.
        """
        for slot in range(len(self._group), len(customer_ids)):
            self._slots[customer_ids[slot]] = slot
        new = [self._first.get(name, -1) for name in customer_ids[len(self._group) :]]
        self._group = np.append(self._group, np.array(new, dtype=np.intp))
        while self._done < len(self._changes) and self._changes[self._done][0] <= now:
            at, customer, group = self._changes[self._done]
            slot = self._slots.get(customer, -1)
            self._done += 1
            if slot < 0:
                self._first[customer] = group  # has the new group from the first event
                continue
            self._group[slot] = group
            if at <= self._latest and codes[slot] != UNASSIGNED:
                self._waiting[slot] = at, group
        if not self._waiting and not self._unborn:
            return
        self._find(codes, now)

    def _find(self, codes: NDArray[np.uint32], now: float) -> None:
        known = (self._group >= 0) & (codes != UNASSIGNED)
        segments, place = np.unique(codes[known], return_inverse=True)
        if not len(segments):
            return
        shared = np.zeros((len(segments), len(self._groups)))
        np.add.at(shared, (place, self._group[known]), 1.0)
        matched = shared.argmax(axis=1)
        group_of = dict(zip(segments.tolist(), matched.tolist(), strict=True))
        for slot, (at, group) in list(self._waiting.items()):
            hours = (now - at) / HOUR_SECONDS
            if group_of.get(int(codes[slot])) == group or hours >= LONGEST_HOURS:
                self._hours.append(min(hours, LONGEST_HOURS))
                del self._waiting[slot]
        for group, at in list(self._unborn.items()):
            hours = (now - at) / HOUR_SECONDS
            inside = shared[matched == group, group].sum()
            if hours >= LONGEST_HOURS or (hours >= 0 and inside and inside >= 0.5 * shared[:, group].sum()):
                self._group_hours.append(min(hours, LONGEST_HOURS))
                del self._unborn[group]

    @property
    def hours(self) -> float | None:
        """Median hours of the customers who changed their group; None without any."""
        return float(np.median(self._hours)) if self._hours else None

    @property
    def group_hours(self) -> float | None:
        """Mean hours from the first member of a new group until half of it is in segments that match it."""
        return float(np.mean(self._group_hours)) if self._group_hours else None
