"""Conversion of amounts to minor units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.events.money import MAX_MINOR, Money
from streamseg.events.rejection import Reason, RejectionError

MONEY = Money("EUR", 2, {"GBP": 1.15, "JPY": 0.0061})


@given(st.integers(0, 10**14))
def test_an_amount_with_at_most_two_decimals_is_exact(cents: int) -> None:
    assert MONEY.minor(float(f"{cents // 100}.{cents % 100:02d}"), "EUR") == cents


def test_amounts_are_converted_to_the_configured_currency() -> None:
    assert MONEY.minor(15.3, "EUR") == MONEY.minor(15.3, None) == 1530
    assert MONEY.minor(100.0, "GBP") == 11_500
    assert MONEY.minor(1000.0, "JPY") == 610
    assert Money("JPY", 0).minor(1000.0, "JPY") == 1000


@pytest.mark.parametrize(
    ("amount", "currency"), [(1.0, "USD"), (MAX_MINOR / 50, "EUR"), (float("inf"), "EUR"), (float("nan"), "EUR")]
)
def test_an_amount_that_cannot_be_converted_is_rejected(amount: float, currency: str) -> None:
    with pytest.raises(RejectionError) as refused:
        MONEY.minor(amount, currency)
    assert refused.value.reason is Reason.CURRENCY


def test_the_reason_names_the_currency_and_the_settings_once() -> None:
    with pytest.raises(RejectionError) as refused:
        Money("EUR").minor(1.0, "USD")
    assert str(refused.value) == "currency: USD is neither money.currency, which is EUR, nor in money.rates"
