"""What is wrong with a rule on groups, and with how rules are combined, is told in one line."""

import pytest

from tests.support.wrong_definitions import HEAD, NO_ID, problems

KINDS = (
    "all, any, not, feature, known, trait, event, never, spent, birthday, segment, segmentation, "
    "lookalike, audience, list"
)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (
            '{segment = "behaviour-k7q"}',
            "behaviour-k7q is no segment id such as behaviour-k7q2",
        ),
        (
            '{segment = "behavior-k7q2"}',
            "there is no segmentation behavior; did you mean behaviour?",
        ),
        (
            "{segment = []}",
            "segment must be a name, or a list of names",
        ),
        (
            '{segmentation = "values", group = "outside"}',
            "there is no segmentation values; did you mean value?",
        ),
        (
            '{segmentation = "value", group = "inside"}',
            "value has no group inside; did you mean outside?",
        ),
        (
            '{segmentation = "behaviour", group = "outside"}',
            "behaviour has no group outside: there are no groups",
        ),
        (
            '{audience = "other"}',
            "there is no audience other",
        ),
        (
            '{audience = "runners"}',
            "names itself in a circle: runners, runners",
        ),
        (
            '{audience = "Runners"}',
            f"audience {NO_ID}, not 'Runners'",
        ),
        (
            '{list = "vips"}',
            "there is no list vips; did you mean vip?",
        ),
        (
            '{not = {list = "other"}}',
            "there is no list other; `streamseg lists` shows them",
        ),
        (
            '{list = "called"}',
            'called needs hashes that rows do not keep: setting audiences.identifiers = ["phone"]',
        ),
        (
            '{featre = "spend", at_least = 3}',
            f"rule does not say what it asks of: needs one of {KINDS}; did you mean feature?",
        ),
        (
            '{feature = "spend", at_least = 3, event = "visit"}',
            "rule asks of feature and event: put them into two tables of all or any",
        ),
        (
            "{all = []}",
            "all must have at least 1 entry",
        ),
        (
            '{all = [{known = "age"}, "spend"]}',
            "entry 2 of all must be a table",
        ),
        (
            '{not = [{known = "age"}]}',
            "not must be one rule: put several into all or any",
        ),
        (
            '{all = [{known = "age"}, {not = {known = "age"}}]}',
            "nobody can belong: it asks for something together with its opposite",
        ),
        (
            '[{known = "age"}]',
            "rule must be one rule: put several into all or any",
        ),
        (
            '"spend > 3"',
            "rule must be a table",
        ),
        (
            '{not={not={not={not={not={not={not={not={not={known = "age"}}}}}}}}}}',
            "nested deeper than 8 levels of all, any and not",
        ),
    ],
)
def test_a_wrong_rule_is_told_in_one_line(rule: str, told: str) -> None:
    assert problems("shop.toml", f"{HEAD}rule = {rule}\n") == (f"shop.toml:5: audience runners: {told}",)
