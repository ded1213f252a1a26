"""Personas: what is said of a segment, in words, and what is not said of absent data."""

import numpy as np

from streamseg.clustering.description.apart import apart
from streamseg.clustering.description.difference import Figures, Observations
from streamseg.clustering.description.naming import labels
from streamseg.clustering.description.persona import persona
from streamseg.clustering.description.real_figures import with_real_figures
from streamseg.clustering.description.rfm import _NAMES, NOT_YET, RfmOfMany
from streamseg.clustering.encode import Floats
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Attribute, Layout
from streamseg.language import languages, messages
from streamseg.language.actions import read_actions
from streamseg.language.segment_text import action, description, generated_label, say, written

LAYOUT = Layout.of(
    counted=("channel", "browser", "platform"),
    search_groups={"gift": ("gift",), "urgent": ("today",), "pets": ("dog",)},
    categories=("Performance gear", "Basic sets"),
    attributes=(Attribute("age", typical=42), Attribute("gender", ("female", "male")), Attribute("income")),
    brand_groups=4,
)
PLAIN = catalogue(LAYOUT)
KNOWN, _ = with_real_figures(PLAIN, np.empty((0, len(PLAIN))))


def figures(**columns: Floats | float) -> Figures:
    """The figures of 40 members, of whom these columns are told, beside 40 others with half as much."""
    values = np.full((80, len(PLAIN)), np.nan)
    for name, value in ({"visit_days": 9.0} | columns).items():
        values[:40, list(PLAIN).index(name)] = value
        values[40:, list(PLAIN).index(name)] = np.asarray(value) / (1 if name == "visit_days" else 2)
    _, with_real = with_real_figures(PLAIN, values)
    return Observations(tuple(KNOWN.values()), with_real).figures(np.arange(80) < 40)


def sentences(of: Figures, rfm: RfmOfMany | None = None, language: str = "en") -> list[str]:
    return [say(messages(language), one) for one in persona(of, KNOWN, "EUR", rfm)]


def test_people_are_described_in_words_and_numbers_that_people_use() -> None:
    daily = figures(
        sessions=22.0, click_recency=1.0, transactions=27.0, purchases=4.4, purchase_recency=5.0,
        order_value=np.linspace(50, 75, 40), price_bought=np.linspace(20, 45, 40),
        lifetime_spend=np.linspace(1_400, 2_000, 40), tenure=190.0, category_performance_gear=0.6, morning_share=0.7,
        device_mobile_share=0.8, profile_age=np.linspace(24, 38, 40),
        profile_gender_female=np.repeat([1.0, 0.0], [30, 10]), profile_gender_male=np.repeat([0.0, 1.0], [30, 10]),
    )  # fmt: skip
    assert sentences(daily) == [
        "Most are 28-34 years old",
        "gender: 75% women",
        "They come nearly every day",
        "They order about once a week",
        "An order is 55-70 EUR",
        "An item is 25-40 EUR",
        "In 6 months they have spent 1,600-1,800 EUR",
        "They go for performance gear (60%)",
        "They are active mostly in the morning (70%)",
        "They are mostly on a phone (80%)",
    ]


def test_of_lapsed_customers_it_is_told_how_often_they_ordered_and_when_last() -> None:
    """Three orders long ago are not "hardly ever": the present rate tells nothing of a habit that has ended."""
    lapsed = figures(transactions=3.0, purchases=0.04, purchase_recency=270.0, lifetime_spend=80.0, tenure=480.0)
    assert "They have ordered 3 times, the last time about 9 months ago" in sentences(lapsed)
    assert not [one for one in sentences(lapsed) if one.startswith("They order")]


def test_nobody_has_ordered_half_a_time() -> None:
    """The median of 5 and 6 orders read "They have ordered 5.5 times"."""
    orders = np.repeat([5.0, 6.0], 20)
    said = sentences(figures(transactions=orders, purchases=0.04, purchase_recency=160.0))
    assert any("ordered 6 times" in one for one in said), said


def test_how_they_come_and_what_they_search_for_is_said_in_every_language() -> None:
    """Issue 14, number 5."""
    told = figures(
        channel_email_share=0.7, channel_direct_share=0.3, browser_samsung_internet_share=0.8, browser_chrome_share=0.2,
        platform_app_share=0.9, platform_web_share=0.1, search_gift_share=0.4, search_pets_share=0.5,
        search_urgent_share=0.1,
    )  # fmt: skip
    assert sentences(told) == [
        "They come mostly by email (70%)",
        "Their browser is mostly Samsung Internet (80%)",
        "They are mostly in the app (90%)",
        "50% of their searches are for pets",
        "40% of their searches are for a gift",
    ]
    assert "Zij komen meestal via e-mail (70%)" in sentences(told, language="nl")
    assert "Med 40 % av sina sökningar söker de en present" in sentences(told, language="sv")


def test_nothing_is_said_of_absent_data() -> None:
    """Issue 14, number 2: no carts, no coupons, no clicks means no sentence about them."""
    only_orders = figures(
        transactions=3.0, purchases=1.0, purchase_recency=10.0, order_value=2.6, price_bought=2.61, lifetime_spend=8.0,
        tenure=80.0, sessions=0.0, carts=0.0, coupon_share=0.0, discount_share=0.0, click_recency=np.nan,
    )  # fmt: skip
    said = " ".join([*sentences(only_orders), *(say(messages("en"), one) for one in apart(only_orders, KNOWN))])
    for word in ("come", "cart", "coupon", "discount", "visit", "phone", "brand", " 24 EUR", " 30 EUR", " 60 EUR"):
        assert word not in said, said
    assert "An item is about 2.60 EUR" in said


def test_few_members_with_data_do_not_speak_for_all() -> None:
    few = np.where(np.arange(40) < 12, 71.0, np.nan)
    assert not any("years" in one for one in sentences(figures(profile_age=few, sessions=3.0)))


def test_a_year_of_birth_is_told_as_a_generation() -> None:
    bands = (("millennials", 1981.0, 1996.0), ("generation Z", 1997.0, 2012.0))
    known = catalogue(Layout.of(attributes=(Attribute("birth_year", group_as="generation", bands=bands),)))
    values = np.full((20, len(known)), np.nan)
    for name, value in {"birth_year": 1990.0, "generation_millennials": 1.0, "generation_generation_z": 0.0}.items():
        values[:, list(known).index(f"profile_{name}")] = value
    place = list(known).index("profile_generation_millennials")
    values[10:, [place, place + 1]] = 0.0, 1.0
    of = Observations(tuple(known.values()), values).figures(np.arange(20) < 10)
    said = [say(messages("en"), one) for one in persona(of, known, "EUR", None)]
    assert said == ["generation: 100% millennials"]


def test_orders_are_named_by_how_many_have_ordered() -> None:
    def said(orders: Floats) -> str:
        return sentences(figures(transactions=orders, purchases=orders / 3))[0]

    assert said(np.where(np.arange(40) < 2, 1.0, 0.0)) == "Hardly any of them have ordered yet"
    assert said(np.where(np.arange(40) < 12, 1.0, 0.0)) == "Only 30% of them have ordered"
    assert said(np.ones(40)) == "Most have ordered once"
    assert said(np.where(np.arange(40) < 22, 1.0, 5.0)) == "Half of them or more have ordered only once"
    some = np.where(np.arange(40) < 2, 0.0, np.where(np.arange(40) < 22, 1.0, 5.0))
    assert said(some) == "Half of them or more have ordered at most once"


def test_when_those_ordered_who_mostly_ordered_once_is_told() -> None:
    orders = np.where(np.arange(40) < 22, 1.0, 5.0)
    said = sentences(figures(transactions=orders, purchases=orders / 3, purchase_recency=480.0))
    assert said[0] == "Half of them or more have ordered only once, and the last order was about 16 months ago"


def test_an_order_of_today_is_no_while_ago() -> None:
    said = sentences(figures(transactions=1.0, purchases=1.0, purchase_recency=0.3))
    assert said[0] == "Most have ordered once"


def test_what_is_to_be_expected_of_most_is_told() -> None:
    def expected(**given: Floats | float) -> list[str]:
        return [one for one in sentences(figures(transactions=3.0, **given)) if "90 days" in one]

    assert expected(expected_spend=np.linspace(120, 240, 40)) == [
        "If they go on like this, they spend 150-210 EUR in the next 90 days"
    ]
    assert expected(spend=50.0) == []
    assert expected(expected_spend=np.where(np.arange(40) < 12, 50.0, 0.0)) == [], "most have stopped"


def test_a_change_of_this_month_is_told() -> None:
    assert "They come less often than before (hardly ever, before about once a week)" in sentences(
        figures(sessions=4.0, recent_sessions=0.1)
    )
    assert "They come more often than before (nearly every day, before about once a week)" in sentences(
        figures(sessions=4.0, recent_sessions=25.0)
    )
    assert not any("before" in one for one in sentences(figures(sessions=4.0, recent_sessions=4.4)))


def test_rare_events_of_which_there_were_none_lately_are_no_change() -> None:
    """A monthly buyer has mostly not bought in the last days."""
    lately = np.where(np.arange(40) < 10, 4.0, 0.0)
    assert not any(
        "before" in one for one in sentences(figures(purchases=1.0, transactions=9.0, recent_purchases=lately))
    )
    assert not any("before" in one for one in sentences(figures(purchases=0.1, transactions=2.0, recent_purchases=0.0)))


def test_figures_that_read_the_same_are_no_difference() -> None:
    told = [one["facts"]["what"]["feature"] for one in apart(figures(refunds=0.03, sessions=4.0), KNOWN)]
    assert told == ["sessions"]
    assert [say(messages("en"), one) for one in apart(figures(spend=np.linspace(0.0, 0.002, 40)), KNOWN)] == []


def test_those_who_are_away_do_not_come_often() -> None:
    away = sentences(figures(sessions=4.0, click_recency=100.0))
    assert "They have not been here for about 3 months" in away
    assert not any(one.startswith("They come") for one in away)


def test_every_rfm_name_is_in_every_language() -> None:
    for name in {NOT_YET, *(one for row in _NAMES for one in row)}:
        summary = RfmOfMany(3.0, 3.0, 3.0, {name: 0.49})
        assert f"By recency and frequency 49% are {name}" in sentences(figures(sessions=1.0), summary)
        for language in languages():
            assert sentences(figures(sessions=1.0), summary, language)


def test_what_sets_apart_is_told_with_the_figures_of_both_and_once_per_whole() -> None:
    other = figures(transactions=42.0, weekend_share=0.8, category_basic_sets=0.5, category_performance_gear=0.3)
    said = [say(messages("en"), one) for one in apart(other, KNOWN)]
    assert "orders in all 42 (others 21)" in said
    assert "activity at weekends 80% (others 40%)" in said
    assert sum("items of" in one for one in said) == 1


def test_features_that_say_the_same_thing_are_told_once() -> None:
    same = figures(spend=90.0, lifetime_spend=300.0, recent_spend=40.0, clicks=90.0, views=60.0, weekend_share=0.8)
    told = [one["facts"]["what"]["feature"] for one in apart(same, KNOWN)]
    assert len({"spend", "lifetime_spend", "recent_spend"} & set(told)) == 1
    assert len({"clicks", "views"} & set(told)) == 1
    assert "weekend_share" in told


def entry(**given: object) -> dict[str, object]:
    plain = {
        "described": 40, "share": 0.2, "value_share": 0.34, "label_words": {"words": [{"key": "weekend_shoppers"}]},
        "persona": [], "apart": [], "nearest": None, "apart_from_nearest": [], "traits": ["weekend_shoppers"],
        "given_name": None,
    }  # fmt: skip
    return plain | given


def test_an_entry_is_written_in_the_language_that_is_asked_for() -> None:
    nearest = {"nearest": "b", "apart_from_nearest": apart(figures(weekend_share=0.8), KNOWN)}
    entries = {"a": entry(**nearest), "b": entry(label_words={"words": [{"key": "category", "text": "shoes"}]})}
    found = {language: written(entries, read_actions(), language)["a"] for language in languages()}
    assert [found[one]["label"] for one in languages()] == ["Weekend shoppers", "Weekendklanten", "Helgkunder"]
    assert found["en"]["description"] == (
        "They are 20% of the customers with such a segment, and bring 34% of these customers' money. In nothing do they"
        " differ much from the others. The nearest segment is “Interested in shoes”; the difference: activity at"
        " weekends 80% (others 40%)."
    )
    assert "Geïnteresseerd in shoes" in found["nl"]["description"]
    assert found["sv"]["action"] == "erbjudanden och paket inför helgen, skickade på fredagen"


def test_a_change_between_equal_words_is_not_told() -> None:
    def told(now: float) -> str:
        change = {"key": "fewer_purchases", "facts": {"now": {"often": now}, "before": {"often": 1.4}}}
        return description(entry(persona=[change]))

    assert "less often" not in told(0.8), "about once a month, before about once a month"
    assert "less often than before (every few months, before about once a month)" in told(0.3)


def test_a_given_name_is_not_translated() -> None:
    assert written({"a": entry(given_name="Our best")}, (), "sv")["a"]["label"] == "Our best"


def test_labels_join_a_noun_and_another_word() -> None:
    def label(*words: dict[str, str], **given: object) -> str:
        return generated_label(entry(label_words={"words": list(words)} | given))

    assert label({"key": "frequent_buyers"}, {"key": "premium_buyers"}) == "Frequent buyers, for dearer goods"
    assert label({"key": "by_mobile"}) == "Phone users"
    assert label({"key": "mostly", "text": "NL"}, {"key": "older"}) == "Older customers, mostly NL"
    assert label({"key": "mostly", "text": "47", "of": "postcode"}) == "Customers, mostly postcode area 47"
    assert label({"key": "low", "text": "household_size"}) == "Customers, in smaller households"
    assert label({"key": "high", "text": "shoe_size"}) == "Customers, shoe size: high"
    assert label({"key": "browsers"}, number=2) == "Browsers (2)"
    assert label() == "Average customers"


def test_a_segment_that_is_not_described_says_so() -> None:
    """Issue 14, number 2: 741 customers with 17 % of the value were told to differ in nothing."""
    missing = entry(described=0, value_share=None, label_words={"words": []}, traits=[])
    assert description(missing) == "Not described yet: too few of its customers are in the sample."
    assert generated_label(missing) == "Segment that is not described yet"
    assert action(missing, read_actions()) is None


def test_entries_of_an_older_version_keep_their_text() -> None:
    old = {"label": "Our best", "generated_label": "Frequent buyers", "description": "They buy.", "size": 3}
    assert written({"a": old}, read_actions(), "nl")["a"] == old | {"action": None}


def test_a_country_is_told_and_not_its_zone_too() -> None:
    """ "Climate zone: 100% maritime. Country: 100% United Kingdom"."""
    zones = (("maritime", ("GB", "NL")), ("northern", ("SE",)))
    known = catalogue(Layout.of(attributes=(Attribute("country", ("GB", "NL", "SE"), group_as="zone", groups=zones),)))
    values = np.full((60, len(known)), np.nan)
    places = [list(known).index(f"profile_{name}") for name in (
        "country_gb", "country_nl", "country_se", "zone_maritime", "zone_northern"
    )]  # fmt: skip
    values[:20, places], values[20:40, places], values[40:, places] = (1, 0, 0, 1, 0), (0, 1, 0, 1, 0), (0, 0, 1, 0, 1)
    real, with_real = with_real_figures(known, values)
    british = Observations(tuple(real.values()), with_real).figures(np.arange(60) < 20)
    said = [say(messages("en"), one) for one in (*persona(british, real, "EUR", None), *apart(british, real))]
    assert said == ["country: 100% United Kingdom", "country United Kingdom: 100% (others 0%)"]
    label = labels(["a"], [british], [1], {}, real)[0]
    assert label["words"] == [{"key": "mostly", "text": "GB", "of": "country"}]
    assert generated_label(entry(label_words=label)) == "Customers, mostly United Kingdom"
    zone = {"words": [{"key": "mostly", "text": "southern", "of": "climate zone"}]}
    assert generated_label(entry(label_words=zone)) == "Customers, mostly climate zone southern"


def test_one_wholesaler_makes_no_segment_of_heavy_buyers() -> None:
    """Newcomers were told to order "3.1 on average (others 2)", because one of them had ordered 90 times."""
    orders = np.array([*[1.0] * 19, 200.0, *[1.0] * 11, *[6.0] * 9])
    values = np.full((40, len(PLAIN)), np.nan)
    values[:, list(PLAIN).index("transactions")] = orders
    values[:, list(PLAIN).index("lifetime_spend")] = 10.0 * orders
    values[:, list(PLAIN).index("tenure")] = 60.0
    _, with_real = with_real_figures(PLAIN, values)
    of = Observations(tuple(KNOWN.values()), with_real).figures(np.arange(40) < 20)
    assert of["transactions"].effect < -0.2
    assert of["transactions"].mean > 3 * of["transactions"].others_mean
    assert [say(messages("en"), one) for one in apart(of, KNOWN)] == []


def test_what_nearly_all_customers_are_is_not_said_of_a_segment() -> None:
    """ "Climate zone: 100% maritime" of newcomers to a shop in which 94% are."""
    female = np.r_[np.ones(40), np.repeat([1.0, 0.0], [37, 3])]
    values = np.full((80, len(PLAIN)), np.nan)
    values[:, list(PLAIN).index("profile_gender_female")] = female
    values[:, list(PLAIN).index("profile_gender_male")] = 1 - female
    of = Observations(tuple(KNOWN.values()), with_real_figures(PLAIN, values)[1]).figures(np.arange(80) < 40)
    assert of["profile_gender_female"].effect > 0.2
    assert sentences(of) == []
