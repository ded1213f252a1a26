"""The results of evaluating segments on a stream: the fields of `bench clustering --json`."""

from dataclasses import dataclass

from streamseg.evaluation.segment_births import Births


@dataclass(slots=True)
class MethodResult:
    """One method on one stream. A measure is None where it does not apply."""

    method: str
    ari_before: float | None = None
    """Agreement with the truth at `EventStream.before_at`."""
    ari_after: float | None = None
    """Agreement with the truth at the end."""
    inertia_ratio: float | None = None
    """Squared distances to the groups' own means at the end, relative to offline k-means."""
    ari_to_offline: float | None = None
    """Agreement with offline k-means at the end."""
    renamed_worst_day: float | None = None
    """Largest share of customers renamed in one day, see `renamed_share`."""
    flap_per_event: float | None = None
    """Share of events at whose look the customer moves to another segment, in the steady time."""


@dataclass(slots=True)
class StreamResult:
    """All methods on one stream, and what is measured of streamseg only."""

    name: str
    rows: list[MethodResult]
    customers: int
    events: int
    rejected: int
    """Records."""
    renamed_mean_day: float
    silent_moves_per_customer_day: float | None
    """Moves in the steady time of customers without an event on that day, per such customer and day. Decay or a new
    model caused them. None if all customers had events every day."""
    unassigned_share: float
    first_rejection: str | None = None
    births: Births | None = None
    """None unless the truth and the time of a change are known."""
