"""Says what a segment is like, as message keys and facts: `streamseg.language` makes sentences of them.

Nothing is said of what the shop tells nothing about, and what holds for fewer than half of the members is not said of
all.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from streamseg.clustering.description.bounds import MOST
from streamseg.clustering.description.difference import NOTICEABLE, FeatureDifference, Figures
from streamseg.clustering.description.message import Message, message
from streamseg.clustering.description.rfm import RfmOfMany
from streamseg.clustering.description.told_words import told_words
from streamseg.clustering.description.who import who
from streamseg.features.aggregates import DAY_PARTS, DEVICES, OTHER_CATEGORY
from streamseg.features.catalogue import Feature
from streamseg.features.words.group_names import shown_names

AWAY_DAYS: Final = 45.0
"""From this median of days without a click on, members are away."""
FEW: Final = 0.1
CATEGORIES: Final = 2
CATEGORY_SHARE: Final = 0.2
"""Categories with a smaller share of the items are not named."""
DEVICE_SHARE: Final = 0.6
CHANGE: Final = 1.6
"""Recent visits are more, or fewer, from this factor on: a step between the words for how often."""
A_HABIT: Final = 0.7
"""What happens less often in 30 days is no habit that could change."""
DISCOUNT: Final = 0.05
COUPONS: Final = 0.1
RFM_NAMES: Final = 2
LEAST_RFM_SHARE: Final = 0.1
"""Fewer members are not worth a second RFM name."""
A_RHYTHM: Final = 3.0
"""From this median number of orders on, members order so and so often."""
CLEARLY_MORE: Final = 0.05
CLEARLY_TIMES_MORE: Final = 0.25
"""What members have hardly more of than others is not said of every segment again: fewer points, or a smaller part."""
SAME_TIME: Final = 0.15
"""Two times that differ by a smaller share of the greater one are told as one."""


def persona(figures: Figures, known: Mapping[str, Feature], currency: str, rfm: RfmOfMany | None) -> list[Message]:
    """Return what is said of a segment: who, how often, what, when, on what, how loyal, worth what, changed how.

    Args:
        figures: of the segment.
        known: features by name.
        currency: of all amounts.
        rfm: summary of the members' scores, if there are any.
    """
    found = (
        *who(figures, known),
        *_visits(figures),
        *_orders(figures),
        *_money(figures, currency),
        *_goods(figures, known),
        *_campaigns(figures),
        *_times(figures),
        *told_words(figures, known),
        *_loyalty(figures, rfm),
        *_change(figures),
    )
    return list(found)


def _tells_apart(one: FeatureDifference, least: float) -> bool:
    """Return whether a share of members is worth a sentence: the others' sentence would read differently."""
    clearly = min(CLEARLY_MORE, CLEARLY_TIMES_MORE * one.others_mean)
    return one.others_mean < least or (one.effect >= NOTICEABLE and one.mean - one.others_mean >= clearly)


def _visits(figures: Figures) -> Iterable[Message]:
    clicked, sessions = figures.get("click_recency"), figures.get("sessions")
    if clicked is not None and clicked.known >= MOST and clicked.median >= AWAY_DAYS:
        yield message("away", days={"days": clicked.median})
    elif sessions is not None:
        yield message("visits", often={"often": sessions.median})


def _orders(figures: Figures) -> Iterable[Message]:
    ever, rate, last = figures.get("transactions"), figures.get("orders_a_month"), figures.get("purchase_recency")
    if ever is None:
        return
    tells_when = last is not None and last.known >= MOST and last.median >= 1.0
    days = {"days": {"days": last.median}} if last is not None and tells_when else {}
    if ever.some < FEW:
        yield message("no_orders")
    elif ever.some < MOST:
        yield message("few_buy", share={"share": ever.some})
    elif ever.high <= 1:
        yield message("ordered_once_ago" if days else "ordered_once", **days)
    elif ever.median <= 1 and ever.some < 1:
        yield message("ordered_at_most_once")
    elif ever.median <= 1:
        yield message("ordered_only_once_ago" if days else "ordered_only_once", **days)
    elif last is not None and days and last.median >= AWAY_DAYS:
        yield message("ordered_then", count=_count(ever), **days)
    elif rate is not None and rate.known >= MOST and ever.median >= A_RHYTHM:
        yield message("orders", often={"often": rate.median})
    else:
        yield message("ordered_times", count=_count(ever))


def _count(ever: FeatureDifference) -> dict[str, Any]:
    return {"number": [round(ever.median)]}


def _money(figures: Figures, currency: str) -> Iterable[Message]:
    ever, tenure = figures.get("lifetime_spend"), figures.get("tenure")
    bought = figures.get("transactions")
    if bought is None or bought.some < MOST:
        return
    order, item = figures.get("spend_per_order"), figures.get("price_bought")
    if order is not None and order.known >= MOST and order.high > 0 and bought.high > 1:
        yield message("order_value", money=_range(order, currency))
    if item is not None and item.known >= MOST:
        yield message("item_price", money=_range(item, currency))
    if ever is not None and tenure is not None and ever.median > 0:
        if _says_how_long(figures):
            yield message("spent", money=_range(ever, currency), days={"days": tenure.median})
        else:
            yield message("spent_so_far", money=_range(ever, currency))
    ahead = figures.get("expected_spend")
    if ahead is not None and ahead.median > 0:
        yield message("expected", money=_range(ahead, currency))


def _says_how_long(figures: Figures) -> bool:
    """Return whether the sentence about the money spent says since when. Else another one does."""
    ever, tenure, bought = (figures.get(name) for name in ("lifetime_spend", "tenure", "transactions"))
    if ever is None or tenure is None or bought is None or bought.some < MOST or ever.median <= 0:
        return False
    return bought.high > 1 and tenure.median >= 1.0


def _campaigns(figures: Figures) -> Iterable[Message]:
    bought = figures.get("transactions")
    if bought is None or bought.some < MOST:
        return
    for name, key, least in (("discount_share", "discount", DISCOUNT), ("coupon_share", "coupons", COUPONS)):
        one = figures.get(name)
        if one is not None and one.known >= MOST and one.mean >= least and _tells_apart(one, least):
            yield message(key, share={"share": one.mean})


def _goods(figures: Figures, known: Mapping[str, Feature]) -> Iterable[Message]:
    shares = {
        shown_names(name.removeprefix("category_")): one
        for name, one in figures.items()
        if name in known and name.startswith("category_") and name != f"category_{OTHER_CATEGORY}" and one.known >= MOST
    }
    named = sorted(
        (
            (one.mean, name)
            for name, one in shares.items()
            if one.mean >= CATEGORY_SHARE and (one.effect >= NOTICEABLE or one.mean >= MOST)
        ),
        reverse=True,
    )
    if named:
        yield message(
            "goods",
            names={"names": [name for _, name in named[:CATEGORIES]]},
            share={"share": sum(share for share, _ in named[:CATEGORIES])},
        )
    brand, bought = figures.get("favourite_brand_share"), figures.get("transactions")
    repeated = bought is not None and bought.median >= A_RHYTHM
    if brand is not None and brand.known >= MOST and brand.median >= MOST and repeated and _tells_apart(brand, MOST):
        yield message("one_brand", share={"share": brand.median})


def _times(figures: Figures) -> Iterable[Message]:
    week = figures.get("weekend_share")
    if week is not None and week.known >= MOST and week.median >= MOST and _tells_apart(week, MOST):
        yield message("weekend", share={"share": week.median})
    for part in DAY_PARTS:
        one = figures.get(f"{part}_share")
        if one is not None and one.known >= MOST and one.mean >= MOST and _tells_apart(one, MOST):
            yield message("day_part", part={"message": part}, share={"share": one.mean})
    for device in DEVICES:
        one = figures.get(f"device_{device}_share")
        if one is not None and one.known >= MOST and one.mean >= DEVICE_SHARE and _tells_apart(one, DEVICE_SHARE):
            yield message("device", device={"message": f"device_{device}"}, share={"share": one.mean})


def _loyalty(figures: Figures, rfm: RfmOfMany | None) -> Iterable[Message]:
    tenure, last, bought = (figures.get(name) for name in ("tenure", "purchase_recency", "transactions"))
    if tenure is not None and not _says_how_long(figures):
        buy = bought is not None and bought.some >= MOST
        once = buy and bought is not None and bought.high <= 1
        if not (once and last is not None and _same_time(tenure.median, last.median)):
            yield message("tenure" if buy else "known", days={"days": tenure.median})
    if rfm is not None and (bought is None or bought.some >= MOST):
        names = [
            message("rfm_name", share={"share": share}, name={"message": f"rfm_{_key(name)}"})
            for place, (name, share) in enumerate(list(rfm.names.items())[:RFM_NAMES])
            if not place or share >= LEAST_RFM_SHARE
        ]
        yield message("rfm", names={"messages": names})


def _same_time(one: float, other: float) -> bool:
    return abs(one - other) <= SAME_TIME * max(one, other)


def _change(figures: Figures) -> Iterable[Message]:
    """Compare means: most who come once a month have not come in the last days, so the median would always fall.

    What it was before is the rate that the sentence about visits or orders says.
    """
    ever = figures.get("transactions")
    for name, said in (("sessions", "sessions"), ("purchases", "orders_a_month")):
        usual, recent, before = figures.get(name), figures.get(f"recent_{name}"), figures.get(said)
        if usual is None or recent is None or before is None or usual.mean < A_HABIT:
            continue
        if name == "purchases" and (ever is None or ever.median < A_RHYTHM or before.known < MOST):
            return
        times = recent.mean / usual.mean
        facts = {"now": {"often": times * before.median}, "before": {"often": before.median}}
        if times >= CHANGE:
            yield message(f"more_{name}", **facts)
        elif times <= 1.0 / CHANGE:
            yield message(f"fewer_{name}", **facts)
        return


def _range(one: FeatureDifference, currency: str) -> dict[str, Any]:
    return {"money": [one.low, one.high], "currency": currency}


def _key(name: str) -> str:
    return name.lower().replace(" ", "_").replace("'", "")
