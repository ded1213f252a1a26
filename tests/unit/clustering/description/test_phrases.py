"""Issue 13, item 25: the value of every feature in words, with its unit."""

import re

import pytest

from streamseg.clustering.description.phrases import phrase, usual
from streamseg.features.catalogue import Feature, catalogue
from streamseg.features.layout import Attribute, Layout

KNOWN = catalogue(
    Layout.of(
        currency="CHF",
        categories=("Trail Shoes", "{0}"),
        brand_groups=8,
        counted=("channel", "browser", "platform"),
        search_groups={"gift": ("gift",), "own pets": ("dog",)},
        attributes=[Attribute("household_size"), Attribute("gender", ("female", "male"))],
    )
)


@pytest.mark.parametrize("feature", KNOWN.values(), ids=KNOWN)
def test_every_feature_has_words_and_its_unit(feature: Feature) -> None:
    words = phrase(feature, 0.31)
    assert re.search(r"[a-z]{3}", words)
    assert not re.search(r"[{}_]", words)
    unit = {"share": "31 %", "days": "0.3 days", "CHF": "0.31 CHF", "0 or 1": " is not "}.get(feature.unit, "0.3")
    assert unit in words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("spend", 1203.4, "spends 1,203 CHF"),
        ("spend", 0.0, "spends 0 CHF"),
        ("price_bought", 9.5, "buys items of 9.50 CHF"),
        ("purchase_recency", 12.0, "last bought 12 days ago"),
        ("purchase_recency", 1_365.0, "last bought 1,365 days ago"),
        ("click_recency", 364.0, "last clicked 364 days ago"),
        ("tenure", 3650.0, "known for 3,650 days"),
        ("recent_spend", 40.0, "lately spends 40 CHF"),
        ("night_share", 0.5, "50 % of the visits at night"),
        ("category_trail_shoes", 0.5, "50 % of the items in trail shoes"),
        ("category_other", 0.5, "50 % of the items in other categories"),
        ("channel_email_share", 0.5, "50 % of the visits by email"),
        ("browser_samsung_internet_share", 0.5, "50 % of the clicks in samsung internet"),
        ("platform_app_share", 0.5, "50 % of the clicks in the app"),
        ("search_own_pets_share", 0.5, "50 % of the searches for own pets"),
        ("profile_household_size", 3.0, "household size 3"),
        ("profile_gender_female", 1.0, "gender is female"),
        ("profile_gender_female", 0.0, "gender is not female"),
    ],
)
def test_words(name: str, value: float, words: str) -> None:
    assert phrase(KNOWN[name], value) == words


@pytest.mark.parametrize(
    ("name", "low", "high", "words"),
    [
        ("spend", 40.2, 90.0, "40-90"),
        ("spend", 3.83, 54.0, "4-54"),
        ("spend", 900.0, 2000.0, "900-2,000"),
        ("purchases", 0.12, 0.4, "0.1-0.4"),
        ("purchases", 2.0, 2.0, "2"),
        ("weekend_share", 0.081, 0.54, "8-54 %"),
        ("profile_gender_male", 0.0, 1.0, "no or yes"),
        ("profile_gender_male", 1.0, 1.0, "yes"),
    ],
)
def test_ranges(name: str, low: float, high: float, words: str) -> None:
    assert usual(KNOWN[name], low, high) == words
