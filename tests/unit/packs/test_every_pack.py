"""With no settings at all each pack works on what is there, or says in one line what it needs. Issue 14, number 5."""

import json
from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest

from streamseg import packs
from streamseg.clustering.description.difference import Observations
from streamseg.clustering.description.naming import traits
from streamseg.evaluation.in_process_worker import InProcessWorker
from streamseg.features.catalogue import catalogue
from streamseg.features.words.attributes import slug
from streamseg.language import languages
from streamseg.language.actions import read_actions, suggested
from streamseg.language.waiting_text import missing
from streamseg.settings import SegmentationSettings, Settings
from streamseg.sources.event import SourceEvent, rfc3339
from streamseg.sources.fitgear import FitGear
from streamseg.topics import CLICKS, PROFILES, PURCHASES
from streamseg.wiring.derived import derive, needs

ENDS_AT = 1_795_000_000.0
DAY = 86_400.0
LEARNED = [name for name in packs.names() if packs.pack(name).rules is None]
BY_PROFILES = {"demographic", "firmographic", "geographic"}


@pytest.fixture(scope="module")
def shop() -> list[SourceEvent]:
    """Clicks and purchases of FitGear's customers, without profiles."""
    return [event for event in FitGear(70, 17, 3, ends_at=ENDS_AT) if event.topic != PROFILES]


def learned(pack: str, events: list[SourceEvent]) -> InProcessWorker:
    worker = InProcessWorker(Settings(segmentations={pack: SegmentationSettings(pack=pack)}), seed=0)
    for day, of_day in groupby(events, key=lambda event: event.occurred_at // DAY):
        worker.flush(list(of_day), (day + 1) * DAY)
        worker.sweep((day + 1) * DAY)  # as a worker does: without it the silent are sampled no more
    return worker


@pytest.mark.parametrize("pack", LEARNED)
def test_each_pack_works_on_clicks_and_purchases_or_says_what_it_needs(pack: str, shop: list[SourceEvent]) -> None:
    worker = learned(pack, shop)
    snapshot = worker.learner.snapshot()
    told = missing(snapshot, needs(Settings(segmentations={pack: SegmentationSettings(pack=pack)}))[pack])
    if pack in BY_PROFILES:
        assert not snapshot.warm
        assert told.startswith("segments come when customers are sampled (none so far); it needs profiles with ")
        assert "\n" not in told
        return
    assert snapshot.warm, told
    assert len(set(snapshot.segments)) >= 2
    spread = [feature for feature, variance in zip(snapshot.features, snapshot.scale.variance, strict=True) if variance]
    assert len(spread) >= 2, "segments must rest on figures that differ between customers"
    sizes = np.unique(worker.segments(worker.assignable()), return_counts=True)[1]
    assert sizes.max() < 0.95 * sizes.sum()


@pytest.mark.parametrize(
    ("pack", "topic"),
    [
        *((pack, None) for pack in LEARNED),
        *((pack, PURCHASES) for pack in sorted(BY_PROFILES)),
        ("value", CLICKS),
    ],
)
def test_where_nothing_of_its_data_is_told_a_pack_has_no_segments_and_one_line(
    pack: str, topic: str | None, shop: list[SourceEvent]
) -> None:
    """A pack of purchases on clicks alone, one of profiles on either, and each on nothing at all."""
    lives_on = packs.pack(pack).needs["en"]
    events = [event for event in shop if event.topic == topic]
    snapshot = learned(pack, events).learner.snapshot() if events else None
    line = missing(snapshot, lives_on)
    assert snapshot is None or not snapshot.warm
    assert line == f"segments come when customers are sampled (none so far); it needs {lives_on}"


@pytest.fixture(scope="module")
def dated_orders() -> list[SourceEvent]:
    """Four months of orders of 200 customers: a date and an amount, without items, as a music shop's file has them."""
    rng, orders = np.random.default_rng(14), []
    for n in range(200):
        days = np.cumsum(rng.exponential(30.0, size=int(rng.geometric(0.4)))).astype(int)
        for number, day in enumerate([0, *days[days < 120].tolist()]):
            at = ENDS_AT // DAY * DAY - (120 - day) * DAY
            event_id, amount = f"e-{n}-{number}", round(float(rng.gamma(2.0, 15.0)) + 5.0, 2)
            body = {"v": 1, "event_id": event_id, "customer_id": f"c-{n}", "occurred_at": rfc3339(at),
                    "event_name": "purchase", "transaction_id": f"t-{n}-{number}", "value": amount,
                    "currency": "EUR"}  # fmt: skip
            orders.append(SourceEvent("purchase", event_id, f"c-{n}", at, json.dumps(body).encode()))
    return sorted(orders, key=lambda order: order.occurred_at)


@pytest.mark.parametrize("pack", sorted({*LEARNED} - BY_PROFILES))
def test_on_dates_and_amounts_alone_only_what_they_tell_decides(pack: str, dated_orders: list[SourceEvent]) -> None:
    """Issue 14: no discount, coupon, cart or part of the day is told, whatever priors make of that."""
    worker = learned(pack, dated_orders)
    snapshot = worker.learner.snapshot()
    assert worker.rejected == 0, worker.first_rejection
    decide = {one for one, variance in zip(snapshot.features, snapshot.scale.variance, strict=True) if variance}
    told = {"purchase_recency", "purchases", "transactions", "spend", "order_value", "order_value_spread",
            "items_per_order", "weekend_share", "expected_spend"}  # fmt: skip
    assert decide <= told
    assert snapshot.warm == (pack in {"value", "behaviour", "needs"})
    if snapshot.warm:
        sizes = np.unique(worker.segments(worker.assignable()), return_counts=True)[1]
        assert sizes.min() >= 3
    else:
        assert "; it needs " in missing(snapshot, packs.pack(pack).needs["en"])


@pytest.mark.parametrize("pack", ["geographic", "firmographic"])
def test_each_place_and_each_trait_of_a_company_has_a_suggested_action(pack: str) -> None:
    """Issue 14, number 6: a segment of attributes alone got none, as all words of the table were about buying."""
    layout = derive(Settings(segmentations={pack: SegmentationSettings(pack=pack)})).layout
    # What values a hash group holds is found in the data; here each stands for one.
    features = {name: replace(one, hashed=False) for name, one in catalogue(layout).items()}
    shipped, tried = read_actions(), set()
    for place, feature in enumerate(features.values()):
        subject = slug(feature.subject)
        if not feature.value or subject in tried or subject == "profit_band":
            continue
        tried.add(subject)
        told = np.full((80, len(features)), np.nan)
        told[:, place] = np.arange(80) % 10 > 0
        members = np.arange(80) < 40
        alike = Observations(tuple(features.values()), told).figures(members)
        assert suggested(traits(alike, features), shipped) is None, "most of all customers are so"
        told[~members, place] = 0.0
        found = suggested(traits(Observations(tuple(features.values()), told).figures(members), features), shipped)
        assert found is not None, subject
        assert found.words == (f"mostly_{subject}",)
        assert {*found.texts} == {*languages()}
    assert len(tried) >= 2


def test_a_pack_uses_no_feature_twice_and_every_one_of_the_table() -> None:
    """The table of issue 14, number 5: what each kind must offer, by the beginning of a feature's name."""
    must_offer = {
        "demographic": ("profile_age", "profile_gender", "profile_income", "profile_education", "profile_occupation",
                        "profile_marital_status", "profile_children", "profile_generation"),
        "geographic": ("profile_country", "profile_region", "profile_city", "profile_postcode", "profile_climate_zone"),
        "psychographic": ("category_group", "profile_lifestyle", "favourite_category_share", "favourite_brand_share",
                          "price_bought", "discount_share"),
        "behaviour": ("purchases", "purchase_recency", "weekend_share", "view_to_cart", "discount_share"),
        "technographic": ("device_mobile", "browser_", "platform_app", "channel_email", "profile_operating_system"),
        "firmographic": ("profile_industry", "profile_employees", "profile_annual_revenue", "profile_profit_band",
                         "profile_company_country"),
        "needs": ("search_gift", "search_urgent", "search_problem", "items_per_order"),
        "value": ("purchase_recency", "transactions", "spend"),
    }  # fmt: skip
    assert set(must_offer) == set(LEARNED)
    for pack, beginnings in must_offer.items():
        features = derive(Settings(segmentations={pack: SegmentationSettings(pack=pack)})).segmentation(pack).features
        for beginning in beginnings:
            assert any(feature.startswith(beginning) for feature in features), (pack, beginning)
