"""Labels: words that are true of the members, kept while they stay true, all different."""

from itertools import pairwise

import numpy as np
import pytest

from streamseg.clustering.description.bounds import Word
from streamseg.clustering.description.difference import Figures
from streamseg.clustering.description.naming import Beside, Label, labels, traits
from streamseg.clustering.description.same_name import comparatives
from streamseg.clustering.description.words import vocabulary
from streamseg.language import languages, messages
from streamseg.language.segment_text import label
from tests.support.random_segments import KNOWN, observations


def two_groups(**of: tuple[float, float]) -> Figures:
    """The figures of 50 members beside 50 others, with these values and a little noise."""
    rng = np.random.default_rng(1)
    columns = {
        name: np.repeat(both, 50) * (rng.lognormal(0, 0.1, 100) if name != "transactions" else 1.0)
        for name, both in of.items()
    }
    return observations(100, **columns).figures(np.arange(100) < 50)


def keys(said: Label) -> list[str]:
    return [word["key"] for word in said["words"]]


def label_of(figures: Figures, current: Label | None = None) -> list[str]:
    return keys(labels(["a"], [figures], [1], {} if current is None else {"a": current}, KNOWN)[0])


def test_a_label_names_the_strongest_difference_and_another_one() -> None:
    figures = two_groups(
        purchases=(4.0, 0.5), transactions=(9.0, 2.0), purchase_recency=(5.0, 60.0), weekend_share=(0.8, 0.3)
    )
    assert set(label_of(figures)) & {"frequent_buyers", "recent_buyers"}
    assert len(label_of(figures)) == 2


def test_nothing_is_said_of_what_sets_nobody_apart() -> None:
    assert label_of(two_groups(sessions=(9.0, 9.0))) == []


@pytest.mark.parametrize(
    ("orders", "days", "said"),
    [(75.0, 365.0, ["regular_buyers"]), (4.0, 500.0, ["repeat_buyers"]), (3.0, 20.0, ["repeat_buyers"])],
)
def test_buyers_whom_nothing_sets_apart_are_named_by_their_rhythm(orders: float, days: float, said: list[str]) -> None:
    """Grocery households with 75 orders a year were "bought more than once"."""
    alike = two_groups(transactions=(orders, orders), tenure=(days, days), purchase_recency=(3.0, 3.0))
    assert label_of(alike) == said


@pytest.mark.parametrize(
    ("figures", "never"),
    [
        (two_groups(cart_to_purchase=(0.7, 0.95), carts=(5.0, 5.0)), "cart_abandoners"),
        (two_groups(cart_to_purchase=(0.1, 0.9)), "cart_abandoners"),
        (two_groups(cart_to_purchase=(0.1, 0.9), carts=(0.01, 0.01)), "cart_abandoners"),
        (two_groups(purchases=(0.3, 0.05), transactions=(2.0, 1.0), purchase_recency=(9.0, 90.0)), "frequent_buyers"),
        (two_groups(spend=(0.0, 0.0), purchases=(0.0, 1.0), transactions=(0.0, 5.0)), "big_spenders"),
        (two_groups(weekend_share=(0.4, 0.2)), "weekend_shoppers"),
        (two_groups(discount_share=(0.02, 0.001), transactions=(3.0, 3.0)), "bargain_hunters"),
        (two_groups(click_recency=(20.0, 2.0)), "lapsed_visitors"),
    ],
)
def test_a_difference_alone_makes_no_word(figures: Figures, never: str) -> None:
    """Issue 14, number 6: "cart abandoners" who buy most of what they add, or who have no carts at all."""
    assert never not in label_of(figures)
    assert never not in traits(figures, KNOWN)


def test_a_middle_group_is_no_group_of_big_spenders() -> None:
    """Most others spend nothing, a few spend very much: 59 customers with 6 % of the value were "Big spenders"."""
    spend = np.concatenate([np.linspace(80, 120, 50), np.zeros(60), np.linspace(1_500, 2_500, 20)])
    figures = observations(130, spend=spend, transactions=3.0).figures(np.arange(130) < 50)
    assert figures["spend"].median > 50 * figures["spend"].others_median
    assert "big_spenders" not in traits(figures, KNOWN)
    top = observations(130, spend=spend, lifetime_spend=3 * spend, transactions=3.0)
    assert "big_spenders" in traits(top.figures(np.arange(130) >= 110), KNOWN)


def test_big_spenders_have_brought_more_than_others_in_all() -> None:
    """Those with the latest orders spend most at present: 6 % of customers with 7 % of the money."""
    spend, ever = np.repeat([20.0, 1.0], [30, 100]), np.repeat([115.0, 100.0], [30, 100])
    lately = observations(130, spend=spend, lifetime_spend=ever, transactions=3.0).figures(np.arange(130) < 30)
    assert lately["spend"].median > 10 * lately["spend"].others_median
    assert "big_spenders" not in traits(lately, KNOWN)


def test_a_label_stays_while_it_holds_and_goes_when_it_is_no_longer_true() -> None:
    """A label that changes within a minute under the same id is none."""
    before = two_groups(weekend_share=(0.56, 0.3), sessions=(8.0, 5.0))
    said = labels(["a"], [before], [1], {}, KNOWN)[0]
    assert "weekend_shoppers" in keys(said)
    slipped = two_groups(weekend_share=(0.52, 0.3), sessions=(9.5, 3.0))
    assert "weekend_shoppers" not in label_of(slipped), "a new word needs a margin"
    assert label_of(slipped, said) == keys(said), "a present one does not"
    untrue = two_groups(weekend_share=(0.45, 0.3), sessions=(9.5, 3.0))
    assert "weekend_shoppers" not in label_of(untrue, said)


def test_labels_do_not_flicker_while_figures_wander_about_a_bound() -> None:
    rng, current, seen = np.random.default_rng(4), None, []
    for _ in range(60):
        figures = two_groups(weekend_share=(0.55 + rng.normal(0, 0.012), 0.3), sessions=(8.0 + rng.normal(0, 0.3), 4.0))
        current = labels(["a"], [figures], [1], {} if current is None else {"a": current}, KNOWN)[0]
        seen.append(keys(current))
    assert sum(one != other for one, other in pairwise(seen)) <= 1


def test_equal_labels_are_numbered_and_keep_their_number() -> None:
    figures = two_groups(device_mobile_share=(0.9, 0.3))
    found = labels(["a", "b", "c"], [figures] * 3, [9, 5, 4], {}, KNOWN)
    assert [one.get("number") for one in found] == [None, 2, 3]
    kept = labels(["a", "b", "c"], [figures] * 3, [1, 5, 9], dict(zip("abc", found, strict=True)), KNOWN)
    assert kept == found


BOUGHT_LATELY: Label = {"words": [{"key": "recent_buyers"}]}


def of_three(**of: tuple[float, float, float]) -> tuple[list[Figures], Beside]:
    """The figures of three segments of 50 with these values and a little noise, and of each beside others."""
    rng = np.random.default_rng(1)
    columns = {name: np.repeat(each, 50) * rng.lognormal(0, 0.1, 150) for name, each in of.items()}
    shop, segment = observations(150, transactions=3.0, **columns), np.repeat(range(3), 50)
    return [shop.figures(segment == one) for one in range(3)], lambda one, others: shop.figures(
        segment == one, np.isin(segment, others)
    )


def test_what_two_segments_of_one_name_differ_in_most_tells_them_apart() -> None:
    """Both have bought lately, one came five times and the other four: too little to be said against all others."""
    figures, beside = of_three(purchase_recency=(5.0, 5.0, 80.0), sessions=(5.0, 4.0, 4.5), views=(9.0, 8.5, 8.7))
    found = labels(["a", "b", "c"], figures, [9, 5, 4], {}, KNOWN, beside=beside)
    assert found[:2] == [BOUGHT_LATELY, BOUGHT_LATELY | {"beside": {"key": "less_sessions"}}]
    swapped = labels(["a", "b", "c"], figures, [5, 9, 4], {}, KNOWN, beside=beside)
    assert swapped[:2] == [BOUGHT_LATELY | {"beside": {"key": "more_sessions"}}, BOUGHT_LATELY]
    assert [label({"label_words": found[1]}, language) for language in languages()] == [
        "Recent buyers, here less often",
        "Recente kopers, die minder vaak komen",
        "Köpare som nyss handlat, som är här mer sällan",
    ]


def test_the_same_words_in_another_order_are_the_same_name() -> None:
    """ "Big spenders, buying often" and "Frequent buyers, spending much"."""
    of: dict[str, tuple[float, float, float]] = {
        "purchase_recency": (5.0, 5.0, 80.0), "weekend_share": (0.85, 0.85, 0.2), "sessions": (5.0, 4.0, 4.5),
    }  # fmt: skip
    figures, beside = of_three(**of)
    alone = [labels(["a"], [one], [1], {}, KNOWN)[0] for one in figures[:2]]
    assert keys(alone[0]) == [*reversed(keys(alone[1]))] == ["weekend_shoppers", "recent_buyers"]
    found = labels(["a", "b", "c"], figures, [9, 5, 4], {}, KNOWN, beside=beside)
    assert found[:2] == [alone[0], alone[0] | {"beside": {"key": "less_sessions"}}]


def test_what_the_name_says_already_tells_nobody_apart() -> None:
    """ "Recent buyers, longer without an order": of what both names say nothing is compared."""
    figures, beside = of_three(purchase_recency=(5.0, 12.0, 80.0))
    found = labels(["a", "b", "c"], figures, [9, 5, 4], {}, KNOWN, beside=beside)
    assert [keys(one) for one in found[:2]] == [["recent_buyers"], ["recent_buyers", "repeat_buyers"]]


def test_a_comparative_stays_while_it_holds_and_goes_with_the_other_segment_of_that_name() -> None:
    current: dict[str, Label] = {"a": BOUGHT_LATELY, "b": BOUGHT_LATELY | {"beside": {"key": "less_sessions"}}}
    figures, beside = of_three(purchase_recency=(5.0, 5.0, 80.0), sessions=(5.0, 4.0, 4.5), views=(9.0, 6.0, 7.5))
    assert labels(["a", "b", "c"], figures, [9, 5, 4], {}, KNOWN, beside=beside)[1] != current["b"], "views differ more"
    assert labels(["a", "b", "c"], figures, [5, 9, 4], current, KNOWN, beside=beside)[:2] == [*current.values()]
    figures, beside = of_three(purchase_recency=(5.0, 5.0, 80.0), sessions=(4.0, 5.0, 4.5))
    now = labels(["a", "b", "c"], figures, [9, 5, 4], current, KNOWN, beside=beside)[:2]
    assert now == [BOUGHT_LATELY, BOUGHT_LATELY | {"beside": {"key": "more_sessions"}}]
    alone, beside = of_three(purchase_recency=(80.0, 5.0, 80.0), sessions=(5.0, 4.0, 4.5))
    assert labels(["a", "b", "c"], alone, [9, 5, 4], current, KNOWN, beside=beside)[1] == BOUGHT_LATELY


def test_a_number_of_an_earlier_release_gives_way_to_words() -> None:
    current: dict[str, Label] = {"a": BOUGHT_LATELY, "b": BOUGHT_LATELY | {"number": 2}}
    figures, beside = of_three(purchase_recency=(5.0, 5.0, 80.0), sessions=(5.0, 4.0, 4.5))
    found = labels(["a", "b", "c"], figures, [9, 5, 4], current, KNOWN, beside=beside)
    assert found[1] == BOUGHT_LATELY | {"beside": {"key": "less_sessions"}}


def test_names_of_the_shop_are_in_the_label() -> None:
    figures = two_groups(category_shoes=(0.8, 0.2), profile_country_nl=(1.0, 0.0))
    said = labels(["a"], [figures], [1], {}, KNOWN)[0]
    assert {word["key"]: word.get("text") for word in said["words"]} == {"category": "shoes", "mostly": "NL"}


def test_every_word_is_in_every_language() -> None:
    for language in languages():
        tables = messages(language)
        for word in vocabulary(KNOWN):
            assert word.key in tables["tag"], (language, word.key)
            assert not word.noun or word.key in tables["label"], (language, word.key)
        for word in comparatives(KNOWN):
            assert word.key in tables["tag"], (language, word.key)
        assert len({*tables["tag"].values()}) == len(tables["tag"]), "two words that read the same tell nobody apart"


def test_each_word_speaks_of_a_feature_that_there_is() -> None:
    spoken: list[Word] = list(vocabulary(KNOWN))
    for word in spoken:
        assert word.feature in KNOWN
        assert all(bound.feature in KNOWN for bound in word.bounds)
