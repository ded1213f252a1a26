"""`lookup --why` says of a declared group what its rule says, and nothing of hash groups."""

import json
from typing import Any

import pytest

from tests.support.text_output import AT, answer, assert_fits, run

pytestmark = pytest.mark.usefixtures("terminal")

OWN = "value-outside"


def told(monkeypatch: pytest.MonkeyPatch, declared: dict[str, Any], traits: list[str], *arguments: str) -> str:
    membership = {
        "segments": {"value": {"id": OWN, "since": AT, "score": 1.0}},
        "consent": {"ads": False, "personalisation": True},
        "as_of": AT,
    }
    entry = {"segmentation": "value", "label": "Visitors who have not bought", "traits": traits, "usual": {}}
    rfm = {"name": "No Purchase Yet", "recency": 1, "frequency": 1, "monetary": 1}
    reason: dict[str, Any] = {"runner_up": None, "rfm": rfm, "pulls": [], "declared": {"by": "population", **declared}}
    stored = (json.dumps(membership).encode(), {OWN: entry})
    monkeypatch.setattr("streamseg.wiring.build_service.read_membership", answer(stored))
    monkeypatch.setattr("streamseg.wiring.build_service.explain", answer({"value": reason}))
    output = run("lookup", "c-81", "--why", *arguments).output
    assert_fits(output)
    return " ".join(output.split())


def test_a_never_buyer_has_not_bought_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = {"rule": "transactions >= 1", "figure": "transactions", "value": 0.0}
    output = told(monkeypatch, declared, ["non_buyers"])
    assert "value: value-outside Visitors who have not bought, since" in output
    assert "has not bought yet; with the first purchase another segment follows at once" in output
    assert "RFM: No Purchase Yet" in output
    assert "runner-up" not in output
    assert "heeft nog niets gekocht" in told(monkeypatch, declared, ["non_buyers"], "--lang", "nl")
    assert "har inte köpt något ännu" in told(monkeypatch, declared, ["non_buyers"], "--lang", "sv")


@pytest.mark.parametrize(
    ("figure", "value", "words"),
    [
        ("lifetime_spend", 1234.0, "the rule lifetime_spend > 5000 does not hold: spent in all: 1,234 EUR"),
        ("order_value", None, "the rule order_value > 5000 does not hold: value of an order: no data"),
        ("events", 12.0, "the rule events > 5000 does not hold: events: 12"),
    ],
)
def test_another_rule_is_told_with_what_the_customer_has(
    monkeypatch: pytest.MonkeyPatch, figure: str, value: float | None, words: str
) -> None:
    assert words in told(monkeypatch, {"rule": f"{figure} > 5000", "figure": figure, "value": value}, [])


def test_hash_groups_are_no_reasons_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMSEG_SEGMENTATIONS", '{"place": {"pack": "geographic"}}')
    output = why_of("place", monkeypatch, {}, "profile_city_in_group_3_of_12", "profile_country_nl")
    assert "country is NL" in output
    assert "group 3" not in output


def test_hash_groups_of_categories_are_told_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMSEG_SEGMENTATIONS", '{"tastes": {"pack": "psychographic"}}')
    output = why_of(
        "tastes", monkeypatch, {"category_group_3": "running_shoes"}, "category_group_3", "category_group_4"
    )
    assert "100 % of the items in running shoes" in output
    assert "group 4" not in output


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ({"not_compared": "closing", "closes": AT}, "tastes-aaaa is closing: its customers move to others until"),
        ({"not_compared": "ended"}, "tastes-aaaa is no longer in the model"),
        ({"not_compared": "alone"}, "there is no other segment to compare with"),
    ],
)
def test_a_segment_that_is_compared_with_no_other_says_why(
    monkeypatch: pytest.MonkeyPatch, reason: dict[str, Any], said: str
) -> None:
    assert said in why_of("tastes", monkeypatch, {}, runner_up=None, **reason)


def why_of(
    segmentation: str, monkeypatch: pytest.MonkeyPatch, names: dict[str, str], *pulled: str, **reason: object
) -> str:
    """The output of `lookup --why` for a customer whom these features pull."""
    segment = f"{segmentation}-aaaa"
    membership = {
        "segments": {segmentation: {"id": segment, "since": AT, "score": 0.5}},
        "consent": {"ads": False, "personalisation": True},
        "as_of": AT,
    }
    pulls = [
        {
            "feature": name,
            "pull": 1.0,
            "value": 1.0,
            "own_centre": 1.0,
            "other_centre": 0.0,
            "known": True,
            "observed": 1.0,
        }
        for name in pulled
    ]
    told = {"runner_up": f"{segmentation}-bbbb", "rfm": None, "pulls": pulls} | reason
    stored = (json.dumps(membership).encode(), {segment: {"group_names": names}})
    monkeypatch.setattr("streamseg.wiring.build_service.read_membership", answer(stored))
    monkeypatch.setattr("streamseg.wiring.build_service.explain", answer({segmentation: told}))
    return " ".join(run("lookup", "c-81", "--why").output.split())


def test_a_declared_segment_says_which_rules_do_not_hold_and_which_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    asks = {"asks": "purchase ever", "wanted": True, "is": False, "value": None, "until": None}
    rules = [
        {"segment": "value-buyer", "clauses": [[asks]]},
        {"segment": "value-outside", "clauses": [[]]},
    ]
    output = told(monkeypatch, {"by": "rules", "rules": rules}, [])
    assert "value-buyer: does not hold" in output
    assert "- purchase ever: no" in output
    assert "value-outside: the first that holds" in output
