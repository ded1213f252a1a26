"""What each written rule asks of a customer."""

import math
from datetime import date
from typing import Any

import pytest

from streamseg.audiences.definition import Audience
from streamseg.audiences.meaning import Meaning, meanings
from streamseg.audiences.predicates import (
    AllOf,
    Among,
    AnyOf,
    Belongs,
    Birthday,
    Compared,
    Happened,
    InGroup,
    Known,
    Not,
    OnList,
    Spent,
    Tree,
)
from streamseg.audiences.vocabulary import Vocabulary
from streamseg.clustering.identity import OUTSIDE, code_of
from streamseg.features.words.attributes import Attribute
from tests.support.shop_vocabulary import VOCABULARY

DAY = 86_400.0


def audience(identifier: str, rule: Any, **others: Any) -> Audience:
    return Audience.model_validate({"id": identifier, "name": "x", "purpose": "ads", "rule": rule, **others})


def meaning(rule: Any, vocabulary: Vocabulary = VOCABULARY, *others: Audience) -> Meaning:
    found = meanings([*others, audience("own", rule)], vocabulary)
    assert found.problems == []
    return found.audiences["own"]


YOUNG = Compared("profile_age", "<", 30.0)
K7Q2, M3XW = code_of("behaviour-k7q2"), code_of("behaviour-m3xw")


@pytest.mark.parametrize(
    ("rule", "asked"),
    [
        ({"feature": "spend", "at_least": 3}, Compared("spend", ">=", 3.0)),
        ({"birthday": "birth_year"}, Birthday("birth_year", "week", "Europe/Amsterdam")),
        ({"birthday": "age", "this": "month"}, Birthday("age", "month", "Europe/Amsterdam")),
        ({"feature": "spend", "above": 3}, Compared("spend", ">", 3.0)),
        ({"feature": "spend", "at_most": 3}, Compared("spend", "<=", 3.0)),
        ({"feature": "spend", "below": 3.5}, Compared("spend", "<", 3.5)),
        ({"feature": "events", "is": 3}, Compared("events", "==", 3.0)),
        (
            {"feature": "transactions", "at_least": 1, "at_most": 1},
            AllOf((Compared("transactions", ">=", 1.0), Compared("transactions", "<=", 1.0))),
        ),
        (
            {"feature": "spend", "enter": 100, "leave": 60},
            AnyOf((Compared("spend", ">=", 100.0), AllOf((Belongs("own"), Compared("spend", ">=", 60.0))))),
        ),
        (
            {"feature": "spend", "enter": 5, "leave": 9},
            AnyOf((Compared("spend", "<=", 5.0), AllOf((Belongs("own"), Compared("spend", "<=", 9.0))))),
        ),
        ({"list": "vip"}, OnList("vip")),
        ({"not": {"list": "staff"}}, Not(OnList("staff"))),
        ({"known": "spend"}, Known("spend")),
        ({"known": "age"}, Known("profile_age")),
        ({"known": "gender"}, Among("gender", (0, 1, 2))),
        ({"known": "city"}, Known("profile_city_in_group_1_of_4")),
        ({"known": "generation"}, Known("profile_generation_millennials")),
        ({"trait": "gender", "is": "Female"}, Among("gender", (0,))),
        ({"trait": "gender", "is_one_of": ["other", "female"]}, Among("gender", (0, 2))),
        ({"trait": "age", "below": 30}, YOUNG),
        ({"trait": "age", "is": 30}, Compared("profile_age", "==", 30.0)),
        ({"trait": "age", "is": True}, Compared("profile_age", "==", 1.0)),
        (
            {"trait": "age", "is_one_of": [30, 31]},
            AnyOf((Compared("profile_age", "==", 30.0), Compared("profile_age", "==", 31.0))),
        ),
        ({"trait": "generation", "is": "boomers"}, Compared("profile_generation_boomers", "==", 1.0)),
        ({"trait": "zone", "is": "benelux"}, Compared("profile_zone_benelux", "==", 1.0)),
        ({"event": "visit"}, Happened("visit", 1, math.inf)),
        ({"event": "visit", "at_least": 2, "within": "30 days"}, Happened("visit", 2, 30 * DAY)),
        ({"event": "visit", "at_most": 0, "within": "1 week"}, Not(Happened("visit", 1, 7 * DAY))),
        (
            {"event": "visit", "at_least": 1, "at_most": 2, "within": "36 hours"},
            AllOf((Happened("visit", 1, 1.5 * DAY), Not(Happened("visit", 3, 1.5 * DAY)))),
        ),
        ({"event": "visit", "none_within": "14 d"}, Not(Happened("visit", 1, 14 * DAY))),
        ({"event": "view", "category": "Running"}, Happened("view.running", 1, math.inf)),
        ({"never": "purchase", "category": "running"}, Not(Happened("purchase.running", 1, math.inf))),
        ({"spent": 200, "within": "90 days"}, Spent(20_000, 90)),
        ({"spent": 19.99, "within": "2 weeks", "currency": "EUR"}, Spent(1_999, 14)),
        ({"segment": "behaviour-k7q2"}, InGroup("behaviour", (K7Q2,))),
        (
            {"segment": ["behaviour-m3xw", "value-outside", "behaviour-k7q2"]},
            AnyOf((InGroup("behaviour", tuple(sorted((K7Q2, M3XW)))), InGroup("value", (OUTSIDE,)))),
        ),
        ({"segmentation": "value", "group": "outside"}, InGroup("value", (OUTSIDE,))),
        ({"not": {"known": "spend"}}, Not(Known("spend"))),
        (
            {"any": [{"known": "spend"}, {"all": [{"known": "age"}]}]},
            AnyOf((Known("spend"), AllOf((Known("profile_age"),)))),
        ),
    ],
)
def test_a_written_rule_asks(rule: Any, asked: Tree) -> None:
    assert meaning(rule).rule == asked


def test_amounts_are_exact_in_a_currency_without_decimals() -> None:
    yen = Vocabulary(**{**vars(VOCABULARY), "currency": "JPY", "minor_units": 0})

    assert meaning({"spent": 20_000, "within": "7 days"}, yen).rule == Spent(20_000, 7)


def test_a_declared_group_is_meant_by_its_id_too() -> None:
    status = Vocabulary(**{**vars(VOCABULARY), "segmentations": {"status": {"customer": OUTSIDE + 1}}})

    asked = InGroup("status", (OUTSIDE + 1,))
    assert meaning({"segment": "status-customer"}, status).rule == asked
    assert meaning({"segmentation": "status", "group": "customer"}, status).rule == asked


def test_a_feature_comes_before_a_trait_of_its_name() -> None:
    both = Vocabulary(**{**vars(VOCABULARY), "attributes": (Attribute("spend"),)})

    assert meaning({"known": "spend"}, both).rule == Known("spend")


def test_the_rule_of_a_named_audience_takes_its_place_and_asks_of_its_own_members() -> None:
    other = audience("other", {"feature": "spend", "enter": 100, "leave": 60})

    asked = meaning({"all": [{"audience": "other"}, {"not": {"audience": "young"}}]}, VOCABULARY, other, _young()).rule

    stays = AllOf((Belongs("other"), Compared("spend", ">=", 60.0)))
    assert asked == AllOf((AnyOf((Compared("spend", ">=", 100.0), stays)), Not(YOUNG)))


def _young() -> Audience:
    return audience("young", {"trait": "age", "below": 30})


def test_an_audience_that_names_a_wrong_one_is_missing_without_a_problem_of_its_own() -> None:
    wrong, user = audience("wrong", {"known": "nothing"}), audience("user", {"audience": "wrong"})

    found = meanings([user, wrong, _young()], VOCABULARY)

    assert list(found.audiences) == ["young"]
    assert [(one.audience, one.path) for one in found.problems] == [("wrong", ("rule", "known"))]


def test_an_audience_ends_with_its_last_day_in_the_time_zone_or_at_its_moment() -> None:
    by_day = audience("a", {"known": "age"}, expires=date(2027, 3, 27))
    by_moment = audience("a", {"known": "age"}, expires="2027-03-27T12:00:00+02:00")

    assert by_day.ends_at("UTC") == 1_806_192_000.0
    assert by_day.ends_at("Europe/Amsterdam") == 1_806_192_000.0 - 3_600
    assert by_moment.ends_at("UTC") == 1_806_192_000.0 - 14 * 3_600
    assert audience("a", {"known": "age"}).ends_at("UTC") is None


def test_birthdays_and_the_last_day_are_in_the_time_zone_of_the_audience() -> None:
    found = meanings([audience("own", {"birthday": "age"}, time_zone="Asia/Tokyo")], VOCABULARY)
    assert found.problems == []
    assert found.audiences["own"].rule == Birthday("age", "week", "Asia/Tokyo")
