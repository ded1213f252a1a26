"""The results of evaluating segments on a stream: the fields of `bench clustering --json`."""

from dataclasses import dataclass

from streamseg.evaluation.segment_births import Births


@dataclass(slots=True)
class MethodResult:
    """One method on one stream. A measure is None where it does not apply."""

    method: str
    k: int
    """Number of clusters that the method was asked for; of `rfm` and `river-dbstream`, which choose it, the groups that
    have customers at the end."""
    degenerate: bool = False
    """Whether nearly all customers are in one cluster. Agreement means nothing then and is None."""
    largest_share: float | None = None
    """Share of the customers in the largest cluster at the end."""
    ari_before: float | None = None
    """Agreement with the truth at `EventStream.before_at`."""
    ari_after: float | None = None
    """Agreement with the truth at the end."""
    inertia_ratio: float | None = None
    """Squared distances to the groups' own means at the end, relative to the ceiling (`offline`), so never below 1.
    None where a method chose its own number of groups, or left customers unassigned."""
    ari_to_offline: float | None = None
    """Agreement with offline k-means at the end."""
    renamed_worst_day: float | None = None
    """Largest share of customers renamed in one day, see `renamed_share`."""
    flap_per_event: float | None = None
    """Share of events at whose look the customer moves to another segment, in the steady time."""
    lag_hours: float | None = None
    """Median hours from a customer's change of group until the segment matches the new group, see `LagWatch`."""
    group_lag_hours: float | None = None
    """Mean hours from the first member of a new group until half of it is in segments that match it."""
    recourse: float | None = None
    """Share of the customers whose segment changed by adopted models, per percent of inertia that these gained."""
    adopted: int | None = None
    """Models adopted after the first."""
    moves_without_event_per_day: float | None = None
    """Moves in the steady time of customers without an event on that day, per such customer and day."""
    moves_by_decay_per_day: float | None = None
    """Those of them that decay alone made, see `SteadyCounts.decayed`; models made the others."""
    next_30_days_explained: float | None = None
    """Share of the variance of the last 30 days' spend and purchases that the segments at their beginning explain, see
    `usefulness.explained`."""
    cpu_us_per_sample: float | None = None
    """Microseconds of CPU per learned vector, challenges included."""


@dataclass(slots=True)
class StreamResult:
    """All methods on one stream, and what is measured of streamseg only."""

    name: str
    k: int
    rows: list[MethodResult]
    customers: int
    events: int
    rejected: int
    """Records."""
    degenerate: bool
    """Whether offline k-means puts nearly all customers in one cluster."""
    renamed_mean_day: float
    silent_moves_per_customer_day: float | None
    """Moves in the steady time of customers without an event on that day, per such customer and day. Decay or a new
    model caused them. None if all customers had events every day."""
    unassigned_share: float
    offline_self_ari: float | None = None
    """Mean agreement of offline k-means on one bootstrap sample of the customers with that on another, at the end: what
    `ari_to_offline` can be expected to reach. None where the answer is degenerate."""
    offline_near_ari: float | None = None
    """Least agreement of `offline` with another fit whose inertia is at most 0.5 % higher, see `SelfAgreement`."""
    first_rejection: str | None = None
    true_groups: int | None = None
    """True groups with customers at the end. `k` is chosen without knowing it."""
    births: Births | None = None
    """None unless the truth and the time of a change are known."""
