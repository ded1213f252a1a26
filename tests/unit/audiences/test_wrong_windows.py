"""What is wrong with a rule on what happened is told in one line, with the bytes of a row that it needs."""

import pytest

from tests.support.wrong_definitions import HEAD, problems


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (
            '{event = "purchse", at_least = 2}',
            "event purchse is not tracked; did you mean purchase?",
        ),
        (
            '{event = "view.running"}',
            "event view.running is not tracked; events: visit, purchase, view",
        ),
        (
            '{event = "purchase", at_least = 5, within = "30 days"}',
            "rows keep the latest 3 times of purchase, and this needs 5: 8 more bytes of each row",
        ),
        (
            '{event = "purchase", at_most = 3, within = "30 days"}',
            "rows keep the latest 3 times of purchase, and this needs 4: 4 more bytes of each row",
        ),
        (
            '{event = "purchase", at_least = 0}',
            "at_least must be at least 1, not 0",
        ),
        (
            '{event = "purchase", at_least = 3, at_most = 1}',
            "event asks for a number at least 3 and at most 1: there is none",
        ),
        (
            '{event = "purchase", within = 30}',
            "within must have a unit, such as 30 days",
        ),
        (
            '{event = "purchase", within = "1 month"}',
            "within must be a whole number of minutes, hours, days or weeks, such as 30 days, not '1 month'",
        ),
        (
            '{event = "visit", none_within = "14 days", within = "3 days"}',
            "event has both none_within and within",
        ),
        (
            '{event = "view", category = "runing"}',
            "there is no category runing; did you mean running?",
        ),
        (
            '{event = "view", category = "trail running"}',
            "rows keep no times of view in trail running, and this needs 1: 4 more bytes of each row",
        ),
        (
            '{event = "view"}',
            "rows keep no times of view, and this needs 1: 4 more bytes of each row",
        ),
        (
            '{never = "visit", category = "running"}',
            "rows keep no times of visit in running, and this needs 1: 4 more bytes of each row",
        ),
        (
            "{spent = 200}",
            "within is missing",
        ),
        (
            '{spent = -200, within = "90 days"}',
            "spent must be greater than 0, not -200",
        ),
        (
            '{spent = 200.555, within = "90 days"}',
            "EUR has 2 decimals, not 200.555",
        ),
        (
            '{spent = 200, within = "91 days"}',
            "rows keep the amounts of 90 days, not of 91",
        ),
        (
            '{spent = 200, within = "36 hours"}',
            "amounts are counted in calendar days: must be whole days, not '36 hours'",
        ),
        (
            '{spent = 200, within = "90 days", currency = "USD"}',
            "amounts are counted in EUR, not in USD",
        ),
    ],
)
def test_a_wrong_rule_is_told_in_one_line(rule: str, told: str) -> None:
    assert problems("shop.toml", f"{HEAD}rule = {rule}\n") == (f"shop.toml:5: audience runners: {told}",)
