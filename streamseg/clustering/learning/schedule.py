"""Decides when the warm-up is over and when the running model is challenged next."""

import math
from typing import Final

from streamseg.clustering.learning.recent_customers import RecentCustomers
from streamseg.clustering.params import LearnerParams
from streamseg.clustering.snapshot import Snapshot, WarmUp

WARM_UP_CHECK_EVERY: Final = 20
"""Samples between two checks whether the warm-up is over: taking the median for each sample would cost too much."""


class ChallengeSchedule:
    """Counts learned samples and keeps their times. All times are event time in epoch seconds, None before the first.

    Attributes are what a snapshot holds, except `fitted`.
    """

    def __init__(self, params: LearnerParams) -> None:
        self._params = params
        self.learned = 0
        self.first_sample_at: float | None = None
        self.learned_until: float | None = None
        self.last_challenge_at: float | None = None
        self.fitted = False
        """Whether this process has fitted a model."""
        self._warm_up_checks = 0

    @classmethod
    def restore(cls, snapshot: Snapshot, params: LearnerParams) -> "ChallengeSchedule":
        """Return the schedule exactly as it was when the snapshot was taken."""
        self = cls(params)
        self.learned = snapshot.learned
        self.first_sample_at = snapshot.first_sample_at
        self.learned_until = snapshot.learned_until
        self.last_challenge_at = snapshot.last_challenge_at
        self._warm_up_checks = snapshot.learned // WARM_UP_CHECK_EVERY
        return self

    def count_sample(self, at: float) -> None:
        """Count one learned sample of time `at`."""
        self.learned += 1
        if self.first_sample_at is None or self.learned_until is None:
            self.first_sample_at = self.learned_until = at
        self.learned_until = max(self.learned_until, at)

    def known_since(self, at: float) -> None:
        """Note that customers were known from `at` on: a history that is sampled at its end has lasted as long."""
        if self.first_sample_at is not None:
            self.first_sample_at = min(self.first_sample_at, at)

    def warm_up(self, customers: RecentCustomers) -> WarmUp:
        """Return the progress towards the first model."""
        return WarmUp(
            customers=len(customers),
            customers_needed=self._needed(self._params.warm_up_per_cluster),
            median_events=customers.median_events(),
            events_needed=self._params.warm_up_events,
        )

    @property
    def warm_up_ends_at(self) -> float | None:
        """Time from which `customers_needed_late` customers with any number of events suffice for the first model."""
        return None if self.first_sample_at is None else self.first_sample_at + self._params.warm_up_patience

    @property
    def customers_needed_late(self) -> int:
        """Customers that the first model needs after `warm_up_ends_at`: fewer, so that small shops have one too."""
        return self._needed(min(self._params.late_per_cluster, self._params.warm_up_per_cluster))

    def enough(self, customers: RecentCustomers) -> bool:
        """Whether there are enough sampled customers to fit a model on."""
        return len(customers) >= self._least

    @property
    def _least(self) -> int:
        return max(2 * self._params.k, self._params.warm_up_per_cluster)

    def _needed(self, per_cluster: int) -> int:
        return max(min(per_cluster * self._params.k, self._params.sample_size), self._least)

    def due(self, customers: RecentCustomers, clusters: int, *, drift: bool) -> bool:
        """Whether a challenge is due now.

        Before the first one: the warm-up is over. Later: the interval has passed, or `drift` was detected, or the
        running model has another number of `clusters` than the settings.
        """
        if self.learned_until is None or self.first_sample_at is None:
            return False
        if self.last_challenge_at is not None:
            interval_passed = self.learned_until - self.last_challenge_at >= self._params.challenge_interval
            # A model has fewer clusters than wanted while customers are too alike: one attempt at once, then daily.
            resized = not self.fitted and bool(clusters) and clusters != self._params.k and self.enough(customers)
            return interval_passed or resized or drift
        if not self._is_late and self.learned // WARM_UP_CHECK_EVERY == self._warm_up_checks:
            return False
        self._warm_up_checks = self.learned // WARM_UP_CHECK_EVERY
        return self.warm_up_over(customers)

    @property
    def _is_late(self) -> bool:
        return self.learned_until is not None and self.learned_until >= (self.warm_up_ends_at or math.inf)

    def warm_up_over(self, customers: RecentCustomers, *, is_late: bool = False) -> bool:
        """Whether there are enough customers for the first model; `is_late` if no more events are to be waited for."""
        if is_late or self._is_late:
            return len(customers) >= self.customers_needed_late
        progress = self.warm_up(customers)
        return progress.customers >= progress.customers_needed and progress.median_events >= progress.events_needed
