"""Draws one day of the shop: the sessions of all customers, and their items and events, as columns."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.sources.fitgear.goods import goods
from streamseg.sources.fitgear.population import Habits
from streamseg.time_units import DAY_SECONDS

Whole = NDArray[np.int64]
Real = NDArray[np.float64]

CLICK_NAMES: Final = (
    "session_start", "view_item_list", "search", "view_item", "add_to_cart", "begin_checkout",
)  # fmt: skip
START, LIST, SEARCH, VIEW, CART, CHECKOUT, PURCHASE = range(7)

_SECONDS_PER_EVENT: Final = 45.0
_WEEKEND: Final = 2 / 7
_LISTS: Final = 0.7
_TASTE_SPREAD: Final = 4.0
"""Sum of the parameters of the beta distribution of an item's position between cheap and expensive."""
_DISCOUNTS_PERCENT: Final = np.array([10, 15, 20, 30, 50])
_THURSDAY: Final = 3


@dataclass(frozen=True, slots=True)
class Visits:
    """Sessions, their lines (items viewed), and their events.

    Columns without a prefix are by session, `line_*` by line, and `event_*` by event in order of time. A session's
    lines follow each other from `first_line`; the first `carted` of them were put in the cart.
    """

    customer: Whole
    mobile: NDArray[np.bool_]
    first_line: Whole
    carted: Whole
    coupon: NDArray[np.bool_]
    refund_share: Real
    line_item: Whole
    line_price: Whole
    """Cents paid per piece, after the discount."""
    line_discount: Whole
    """Cents per piece."""
    line_pieces: Whole
    event_at: Real
    """Epoch seconds."""
    event_kind: NDArray[np.int8]
    event_session: Whole
    event_line: Whole
    """The line of a view or cart event; -1 for others."""


def visits(
    rng: np.random.Generator,
    habits: Habits,
    *,
    rate: Real,
    joins_at: Real,
    joining: NDArray[np.bool_],
    buys_at_once: NDArray[np.bool_],
    day_starts_at: float,
) -> Visits:
    """Draw the 24 hours from `day_starts_at`. Array arguments are (customers,).

    Args:
        rng: random source.
        habits: each customer's own numbers.
        rate: factor on each customer's sessions.
        joins_at: epoch seconds of the first session.
        joining: whose first session is on this day; it always takes place.
        buys_at_once: whose first session ends in a purchase.
        day_starts_at: epoch seconds.
    """
    customer, starts_at = _arrivals(rng, habits, rate, day_starts_at)
    newcomers = np.flatnonzero(joining)
    customer = np.concatenate([newcomers, customer])
    starts_at = np.concatenate([joins_at[newcomers], starts_at])
    count = len(customer)
    at_once = (np.arange(count) < len(newcomers)) & buys_at_once[customer]

    buys = (rng.random(count) < habits.buying_share[customer]) | at_once
    views = 1 + rng.poisson(habits.views[customer])
    wanted = rng.binomial(views, habits.cart_share[customer])
    bought = 1 + rng.poisson(np.maximum(habits.items[customer] - 1, 0.0))
    carted = np.where(buys, bought, wanted)
    views = np.maximum(views, carted)
    lines = _Lines.drawn(rng, habits, customer, views)

    sessions = np.arange(count)
    lists = np.repeat(sessions, rng.poisson(_LISTS, count))
    searches = np.repeat(sessions, rng.poisson(habits.searches[customer]))
    in_cart = np.flatnonzero(lines.rank < carted[lines.session])
    leaving = np.flatnonzero(buys)
    gaps = 0.8 * (lines.rank + rng.random(len(lines.rank))) / views[lines.session]
    kinds = (
        (START, sessions, np.zeros(count), None),
        (LIST, lists, 0.8 * rng.random(len(lists)), None),
        (SEARCH, searches, 0.8 * rng.random(len(searches)), None),
        (VIEW, lines.session, 0.02 + gaps, np.arange(len(gaps))),
        (CART, lines.session[in_cart], 0.03 + gaps[in_cart], in_cart),
        (CHECKOUT, leaving, np.full(len(leaving), 0.9), None),
        (PURCHASE, leaving, np.ones(len(leaving)), None),
    )
    kind = np.concatenate([np.full(len(of), code, dtype=np.int8) for code, of, _, _ in kinds])
    session = np.concatenate([of for _, of, _, _ in kinds])
    progress = np.concatenate([share for _, _, share, _ in kinds])
    line = np.concatenate([np.full(len(of), -1) if at is None else at for _, of, _, at in kinds])
    # Shorten sessions that start just before the end of the day, so that days never overlap.
    room = np.maximum(day_starts_at + DAY_SECONDS - 1 - starts_at, 0.0)
    lasts = np.minimum(rng.gamma(3.0, _SECONDS_PER_EVENT / 3, count) * (views + carted + 2), room)
    event_at = np.floor((starts_at[session] + progress * lasts[session]) * 1000) / 1000
    order = np.argsort(event_at, kind="stable")
    return Visits(
        customer=customer,
        mobile=rng.random(count) < habits.mobile_share[customer],
        first_line=lines.first,
        carted=carted,
        coupon=rng.random(count) < 0.4 * habits.discount_share[customer],
        refund_share=habits.refund_share[customer],
        line_item=lines.item,
        line_price=lines.price,
        line_discount=lines.discount,
        line_pieces=lines.pieces,
        event_at=event_at[order],
        event_kind=kind[order],
        event_session=session[order],
        event_line=line[order],
    )


def _arrivals(rng: np.random.Generator, habits: Habits, rate: Real, day_starts_at: float) -> tuple[Whole, Real]:
    """Return customer and start of each session: drawn at the higher of weekend and weekday rate, then thinned."""
    weekend, weekday = habits.weekend_share / _WEEKEND, (1 - habits.weekend_share) / (1 - _WEEKEND)
    busiest = np.maximum(weekend, weekday)
    customer = np.repeat(np.arange(len(rate)), rng.poisson(habits.sessions * rate * busiest))
    seconds = rng.normal(habits.hour[customer], 2.5) * 3600.0
    starts_at = day_starts_at + (seconds - day_starts_at) % DAY_SECONDS
    on_weekend = (np.floor(starts_at / DAY_SECONDS) + _THURSDAY) % 7 >= 5  # noqa: PLR2004  Saturday is day 5
    wanted = np.where(on_weekend, weekend[customer], weekday[customer]) / busiest[customer]
    came = rng.random(len(customer)) < wanted
    return customer[came], starts_at[came]


@dataclass(frozen=True, slots=True)
class _Lines:
    session: Whole
    rank: Whole
    first: Whole
    item: Whole
    price: Whole
    discount: Whole
    pieces: Whole

    @classmethod
    def drawn(cls, rng: np.random.Generator, habits: Habits, customer: Whole, views: Whole) -> "_Lines":
        first = np.cumsum(views) - views
        session = np.repeat(np.arange(len(views)), views)
        who = customer[session]
        count = len(who)
        category = (rng.random(count)[:, None] > habits.category_edges[who, :-1]).sum(axis=1)
        taste = habits.price_taste[who]
        item = goods().pick(
            category, np.minimum(rng.beta(_TASTE_SPREAD * taste, _TASTE_SPREAD * (1 - taste)), 1 - 1e-9)
        )
        full = goods().prices_cents[item]
        percent = np.where(rng.random(count) < habits.discount_share[who], rng.choice(_DISCOUNTS_PERCENT, count), 0)
        discount = full * percent // 100
        return cls(
            session=session,
            rank=np.arange(count) - first[session],
            first=first,
            item=item,
            price=full - discount,
            discount=discount,
            pieces=1 + rng.poisson(habits.pieces[who]),
        )
