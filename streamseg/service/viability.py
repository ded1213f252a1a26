"""Says whether an audience can be used: how large, reachable and stable it is, and how far from the nearest other."""

from dataclasses import dataclass

import numpy as np

from streamseg.service.audience_survey import Survey

STABLE_DAYS = 7
"""Who has been a member for so long is counted as a lasting one."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """The other audience that shares most with one."""

    audience: str
    overlap: float
    """Customers in both, of those in either, 0-1: 1 is the same group."""


@dataclass(frozen=True, slots=True)
class AudienceCounts:
    """How many customers of an audience reach its use, and what to think of the audience.

    `matched`, `known`, `consented` and `exported` are each part of the one before; `dropped` says why the others are
    not.
    """

    id: str
    matched: int
    known: int
    consented: int
    exported: int
    """Customers in the view for ad servers: those who consent, if the audience is for ads and they are enough."""
    dropped: dict[str, int]
    """Customers who are not exported, by the reason: not known, without consent, too few, not for ads."""
    is_too_small: bool
    """Whether fewer consent than the minimum size. Then nobody is exported."""
    reachable_share: float
    """Of the matched ones, those who consent, 0-1."""
    lasting_share: float
    """Of the matched ones, those who have been members for seven days, 0-1."""
    median_days: int
    """Half of the members entered at least so many days ago."""
    nearest: Nearest | None
    """None where no other audience shares a customer with it."""


def counts_of(survey: Survey) -> dict[str, AudienceCounts]:
    """Return counts and viability of each audience, by id."""
    return {one: _counts(survey, column, one) for column, one in enumerate(survey.live.ids)}


def exported(consented: int, minimum_size: int, purpose: str) -> int:
    """Return how many customers are in the view for ad servers, of those who consent to the purpose.

    The minimum counts who consents, since only they are exported: a group that is large but of whom hardly anybody
    consents would show these few.
    """
    return consented if purpose == "ads" and consented >= minimum_size else 0


def _counts(survey: Survey, column: int, audience: str) -> AudienceCounts:
    reach, definition = survey.reach[audience], survey.definition(audience)
    out = exported(reach.consented, definition.minimum_size, definition.purpose)
    too_small = reach.consented < definition.minimum_size
    reason = "too_few" if definition.purpose == "ads" else "not_for_ads"
    dropped = {"not_known": reach.matched - reach.known, "no_consent": reach.known - reach.consented}
    dropped[reason] = reach.consented - out
    ages = np.cumsum(reach.ages)
    matched = max(reach.matched, 1)
    return AudienceCounts(
        id=audience,
        matched=reach.matched,
        known=reach.known,
        consented=reach.consented,
        exported=out,
        dropped={name: count for name, count in dropped.items() if count},
        is_too_small=too_small,
        reachable_share=reach.consented / matched,
        lasting_share=float(reach.matched - ages[STABLE_DAYS - 1]) / matched,
        median_days=int(np.searchsorted(ages, reach.matched / 2, side="right")) if reach.matched else 0,
        nearest=_nearest(survey, column),
    )


def _nearest(survey: Survey, column: int) -> Nearest | None:
    shared, sizes = survey.shared[column], np.diagonal(survey.shared)
    either = np.maximum(sizes + sizes[column] - shared, 1)
    overlap = shared / either
    overlap[column] = 0.0
    if not len(overlap) or not overlap.max():
        return None
    nearest = int(overlap.argmax())
    return Nearest(survey.live.ids[nearest], float(overlap[nearest]))
