"""The rule of who belongs to a segmentation: what it says, and how a wrong one is told."""

import numpy as np
import pytest

from streamseg.clustering.population import Population
from streamseg.errors import SettingsError

FEATURES = ("spend", "transactions", "purchase_recency")


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("transactions >= 1", 1.0, True),
        ("transactions>=1", 0.0, False),
        ("spend > 10", 10.0, False),
        ("  spend < 1_000.5 ", 1000.0, True),
        ("spend <= -1.5", -1.5, True),
        ("spend == 2", 2.0, True),
        ("spend != 2", 2.0, False),
        ("purchase_recency != 2", np.nan, False),
        ("purchase_recency <= 365", np.nan, False),
    ],
)
def test_a_rule_compares_a_figure_with_a_number_and_never_holds_for_what_is_not_known(
    text: str, value: float, holds: bool
) -> None:
    assert Population.parse(text).holds(np.array([value])).tolist() == [holds]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("transactions", "must compare a figure with a number, such as `transactions >= 1`, not 'transactions'"),
        ("transactions => 1", "there is no comparison =>: use one of >=, >, <=, <, ==, !=; did you mean >=?"),
        ("transactions ~ 1", "there is no comparison ~: use one of >=, >, <=, <, ==, !="),
        ("transactions >= one", "must compare with a number, not 'one'"),
        ("transactions >= inf", "must compare with a finite number, not 'inf'"),
        ("spend > 1 and spend < 3", "must compare a figure with a number"),
    ],
)
def test_a_wrong_rule_is_told_in_one_line(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Population.parse(text)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("transaction >= 1", "there is no feature transaction; did you mean transactions?"),
        ("moon_phase >= 1", "there is no feature moon_phase; `streamseg features` lists them"),
    ],
)
def test_an_unknown_figure_is_told_with_the_nearest_known_name(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Population.parse(text).check(FEATURES)
    assert str(raised.value) == message
    Population.parse("events > 3").check(FEATURES)


@pytest.mark.parametrize("text", ["transactions >= 1", "transactions > 0", "transactions != 0", "transactions >= 0.5"])
def test_some_rules_say_who_has_bought(text: str) -> None:
    assert Population.parse(text).of_buyers


@pytest.mark.parametrize("text", ["transactions >= 2", "transactions > 1", "transactions < 1", "spend >= 1"])
def test_others_say_something_else(text: str) -> None:
    assert not Population.parse(text).of_buyers
