"""What is wrong with a rule on features and traits is told in one line, with the nearest known name."""

import pytest

from tests.support.wrong_definitions import HEAD, problems


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (
            '{feature = "discout_share", at_least = 0.3}',
            "there is no feature discout_share; did you mean discount_share?",
        ),
        (
            '{feature = "xyz", at_least = 0.3}',
            "there is no feature xyz; `streamseg features` lists them",
        ),
        (
            '{feature = "age", at_least = 30}',
            "age is a profile trait, no feature: write trait = 'age'",
        ),
        (
            '{feature = "discount_share", at_least = 30}',
            "discount_share is a share from 0 to 1, not 30: 30 % is 0.3",
        ),
        (
            '{feature = "profile_gender_female", is = 2}',
            "profile_gender_female is 0 or 1, not 2",
        ),
        (
            '{feature = "spend", at_least = "200"}',
            "at_least must be a number, not '200'",
        ),
        (
            '{feature = "spend", at_last = 200}',
            "unknown name at_last; did you mean at_least?",
        ),
        (
            '{feature = "spend"}',
            "feature needs a number: at_least, above, at_most, below or is, or enter and leave",
        ),
        (
            '{feature = "spend", at_least = 5, at_most = 3}',
            "feature asks for a number at least 5 and at most 3: there is none",
        ),
        (
            '{feature = "spend", above = 3, below = 3}',
            "feature asks for a number above 3 and below 3: there is none",
        ),
        (
            '{feature = "spend", at_least = 5, above = 3}',
            "feature has both at_least and above",
        ),
        (
            '{feature = "spend", at_least = 5, is = 3}',
            "feature has limits, is, or enter and leave together: use one of them",
        ),
        (
            '{feature = "spend", enter = 5}',
            "feature needs both enter and leave",
        ),
        (
            '{feature = "spend", enter = 5, leave = 5}',
            "feature has the same enter and leave: use at_least or at_most",
        ),
        (
            '{feature = "spend", at_least = nan}',
            "at_least must be a finite number, not nan",
        ),
        (
            '{known = "gendre"}',
            "there is no feature or trait gendre; did you mean gender?",
        ),
        (
            '{trait = "gendre", is = "female"}',
            "there is no trait gendre; did you mean gender?",
        ),
        (
            '{trait = "gender", is = "femal"}',
            "gender is never femal; did you mean female?",
        ),
        (
            '{trait = "gender", is = true}',
            "gender is one of female, male, other, not true: put words in quotes",
        ),
        (
            '{trait = "gender", is = 3}',
            "gender is never 3; values: female, male, other",
        ),
        (
            '{trait = "gender", at_least = 3}',
            "gender is no number: use is or is_one_of with female, male, other",
        ),
        (
            '{trait = "gender"}',
            "trait needs is, is_one_of, at_least, above, at_most or below; known asks whether there is one",
        ),
        (
            '{trait = "gender", is = "male", is_one_of = ["female"]}',
            "trait has limits, is or is_one_of together: use one of them",
        ),
        (
            '{trait = "age", is = "old"}',
            "age is a number, not 'old'",
        ),
        (
            '{trait = "age", is = [1]}',
            "is must be text, a number, true or false",
        ),
        (
            '{trait = "generation", is = "milennials"}',
            "generation is never milennials; did you mean millennials?",
        ),
        (
            '{trait = "city", is = "Delft"}',
            "city is free text, which rules cannot compare",
        ),
    ],
)
def test_a_wrong_rule_is_told_in_one_line(rule: str, told: str) -> None:
    assert problems("shop.toml", f"{HEAD}rule = {rule}\n") == (f"shop.toml:5: audience runners: {told}",)
