"""Counts audiences in one pass over all rows: how far each reaches, whom they share, in which segments they are."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamseg.audiences.definition import Audience
from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.features.vector import observed
from streamseg.membership.types import Consent
from streamseg.pipeline import LiveAudiences, belonged, is_known
from streamseg.ports import StateStore
from streamseg.service.audience_rows import NO_REST, Rest, pieces_and_clocks
from streamseg.time_units import DAY_SECONDS

RESPONSE_DAYS: Final = 28
"""Who bought within so many days has responded."""
MOST_TOGETHER: Final = 4_096
"""Combinations of audiences that are counted, the first that are met: there can be as many as customers."""
CODE_BITS: Final = np.uint64(32)
"""Bits of the code of a segment in a row."""
AGES: Final = 366
"""Days of membership that are told apart; the last one is "longer"."""


class Group(NamedTuple):
    """A segment or declared group, by its code."""

    segmentation: str
    code: int


@dataclass(slots=True)
class Response:
    """How customers respond. There is no data of campaigns yet, so by purchases and coupons."""

    customers: int = 0
    bought: int = 0
    """Of these, customers who bought within `RESPONSE_DAYS`."""
    with_orders: int = 0
    """Customers whose share of orders with a coupon is known."""
    coupons: float = 0.0
    """Sum of these shares."""

    def add(self, other: "Response") -> None:
        """Add other customers."""
        self.customers += other.customers
        self.bought += other.bought
        self.with_orders += other.with_orders
        self.coupons += other.coupons

    @property
    def share(self) -> float:
        """Share of customers who bought lately, 0-1."""
        return self.bought / self.customers if self.customers else 0.0

    @property
    def coupon_share(self) -> float:
        """Mean share of orders with a coupon, 0-1."""
        return self.coupons / self.with_orders if self.with_orders else 0.0


@dataclass(slots=True)
class Reach:
    """How many customers of an audience reach its use. Each count is part of the one before it."""

    matched: int = 0
    """Customers for whom the rule holds, as their last look found."""
    known: int = 0
    """Of these, customers with a published membership."""
    consented: int = 0
    """Of these, customers who consent to the purpose of the audience."""
    ages: NDArray[np.int64] = field(default_factory=lambda: np.zeros(AGES, dtype=np.int64))
    """Members by whole days since they entered; the last one is also for longer ones."""


@dataclass(slots=True)
class Survey:
    """What one pass over the rows has counted."""

    live: LiveAudiences
    as_of: int = 0
    """Greatest clock of a partition, epoch seconds."""
    reach: dict[str, Reach] = field(default_factory=dict)
    shared: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    """Customers in both of two audiences, in the order of `live.ids`."""
    together: Counter[tuple[str, ...]] = field(default_factory=Counter)
    """Customers by the audiences that they are in, exactly these; at most `MOST_TOGETHER` of them, without none."""
    all: Response = field(default_factory=Response)
    """All known customers."""
    groups: dict[Group, Response] = field(default_factory=dict)
    both: Counter[tuple[str, Group]] = field(default_factory=Counter)
    """Customers in an audience and a group; pairs without any are left out."""
    across: dict[tuple[str, str], Counter[int]] = field(default_factory=dict)
    """Customers in two groups at once, by their segmentations and by both codes in one number; see `mix`."""

    def mix(self, segment: str) -> Iterator[tuple[str, int]]:
        """Yield the groups of other segmentations that customers of a segment are in, with how many of them."""
        for (one, other), counted in self.across.items():
            for codes, count in counted.items():
                first, second = divmod(codes, 2 ** int(CODE_BITS))
                groups = id_of(one, first), id_of(other, second)
                if segment in groups:
                    yield groups[groups[0] == segment], count

    def definition(self, audience: str) -> Audience:
        """Return the definition of a live audience."""
        return next(Audience.model_validate(one.definition) for one in self.live.declared.live if one.id == audience)


def agrees(consent: Consent, purpose: str) -> bool:
    """Return whether a consent covers the purpose of an audience."""
    return {"ads": consent.ads, "content": consent.personalisation, "analytics": consent.analytics}[purpose]


async def survey(
    state: StateStore,
    layout: Layout,
    live: LiveAudiences,
    unknown: Consent,
    *,
    event_clock: bool = False,
    rest: Rest = NO_REST,
) -> Survey:
    """Count all audiences in one pass.

    Args:
        state: the stored rows.
        layout: of the rows.
        live: the audiences.
        unknown: the consent of who gave no answer.
        event_clock: whether the clock of a partition is that of its events.
        rest: how to give way to others.
    """
    count = len(live.ids)
    found = Survey(live, reach={one: Reach() for one in live.ids}, shared=np.zeros((count, count), dtype=np.int64))
    purposes = [found.definition(one).purpose for one in live.ids]
    async for rows, now in pieces_and_clocks(state, layout, event_clock=event_clock, rest=rest):
        _count(found, rows, now, purposes, unknown)
    return found


def _count(found: Survey, rows: Rows, now: float, purposes: Sequence[str], unknown: Consent) -> None:
    live, slots = found.live, np.arange(len(rows), dtype=np.intp)
    slots = slots[is_known(rows, slots)]
    found.as_of = max(found.as_of, int(now))
    held = belonged(rows, slots, live)[1][:, : len(live.ids)]
    found.shared += held.T.astype(np.int64) @ held.astype(np.int64)
    _count_together(found, held)
    published = rows.published_wall[slots] > 0
    consents = [Consent.of_codes(codes, unknown) for codes in rows.answers(slots)]
    agreed = {
        purpose: np.fromiter((agrees(one, purpose) for one in consents), np.bool_, len(slots))
        for purpose in set(purposes)
    }
    for column, audience in enumerate(live.ids):
        inside, reach = held[:, column], found.reach[audience]
        reach.matched += int(inside.sum())
        reach.known += int((inside & published).sum())
        reach.consented += int((inside & published & agreed[purposes[column]]).sum())
        since = rows.entered[slots[inside], live.columns[column]].astype(np.float64)
        ages = np.clip((now - since) // DAY_SECONDS, 0, AGES - 1).astype(np.intp)
        reach.ages += np.bincount(ages, minlength=AGES)
    _count_groups(found, rows, slots, now, held)


def _count_together(found: Survey, held: NDArray[np.bool_]) -> None:
    inside = held[held.any(axis=1)]
    if not len(inside):
        return
    for row, count in zip(*np.unique(inside, axis=0, return_counts=True), strict=True):
        names = tuple(found.live.ids[column] for column in np.flatnonzero(row).tolist())
        if names in found.together or len(found.together) < MOST_TOGETHER:
            found.together[names] += int(count)


def _count_groups(found: Survey, rows: Rows, slots: NDArray[np.intp], now: float, held: NDArray[np.bool_]) -> None:
    at = np.maximum(rows.last_seen[slots], now)
    bought = rows.last_purchase[slots] > now - RESPONSE_DAYS * DAY_SECONDS
    coupons = observed(rows, slots, at, ["coupon_share"])[:, 0]
    told = ~np.isnan(coupons)

    def response(chosen: NDArray[np.bool_]) -> Response:
        return Response(
            int(chosen.sum()),
            int((chosen & bought).sum()),
            int((chosen & told).sum()),
            float(coupons[chosen & told].sum()),
        )

    found.all.add(response(np.ones(len(slots), dtype=np.bool_)))
    for s, name in enumerate(rows.layout.segmentations):
        codes = rows.segment[slots, s]
        for code in np.unique(codes[codes != UNASSIGNED]).tolist():
            group, inside = Group(name, code), codes == code
            found.groups.setdefault(group, Response()).add(response(inside))
            both = held[inside].sum(axis=0).tolist()
            found.both.update({(one, group): n for one, n in zip(found.live.ids, both, strict=True) if n})
    _count_across(found, rows, slots)


def _count_across(found: Survey, rows: Rows, slots: NDArray[np.intp]) -> None:
    """Count who is in two groups at once, for each pair of segmentations."""
    for (a, one), (b, other) in combinations(enumerate(rows.layout.segmentations), 2):
        codes, others = (rows.segment[slots, s].astype(np.uint64) for s in (a, b))
        both = (codes != UNASSIGNED) & (others != UNASSIGNED)
        pairs, counts = np.unique((codes[both] << CODE_BITS) | others[both], return_counts=True)
        counted = found.across.setdefault((one, other), Counter())
        counted.update(dict(zip(pairs.tolist(), counts.tolist(), strict=True)))
