"""What is wrong with an audience is told in one line: file, line, audience, and the nearest known name."""

import pytest

from streamseg.audiences.audience_files import read_audiences
from tests.support.shop_vocabulary import VOCABULARY
from tests.support.wrong_definitions import HEAD, NO_ID, problems

KNOWN = 'rule = {known = "age"}\n'
NO_ZONE = "has no zone: write 2027-01-01T00:00:00Z, or its offset such as +01:00"
NO_TIME = "must be a date such as 2027-01-31, or a time with its zone such as 2027-01-31T12:00:00+01:00"
OTHER_ZONE = "rows count amounts by days of Europe/Amsterdam, not of Europe/Paris"


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        (
            'name = "x"\npurpose = "add"\n' + KNOWN,
            (
                "shop.toml:1: audience number 1: id is missing",
                "shop.toml:3: audience number 1: purpose must be 'ads', 'content' or 'analytics', not 'add'",
            ),
        ),
        (
            'id = "R unners"\nname = "x"\npurpose = "ads"\n' + KNOWN,
            (f"shop.toml:2: audience R unners: id {NO_ID}, not 'R unners'",),
        ),
        (
            'id = "a"\nname = ""\npurpose = "ads"\nrul = {known = "age"}\n',
            (
                "shop.toml:1: audience a: rule is missing",
                "shop.toml:3: audience a: name must have at least 1 character, not ''",
                "shop.toml:5: audience a: unknown name rul; did you mean rule?",
            ),
        ),
        (
            'id = "a"\nname = "x"\npurpose = "ads"\nexpires = 2027-01-01T00:00:00\n' + KNOWN,
            (f"shop.toml:5: audience a: expires {NO_ZONE}",),
        ),
        (
            'id = "a"\nname = "x"\npurpose = "ads"\nexpires = "soon"\nminimum_size = 0\n' + KNOWN,
            (
                f"shop.toml:5: audience a: expires {NO_TIME}, not 'soon'",
                "shop.toml:6: audience a: minimum_size must be at least 1, not 0",
            ),
        ),
        (
            'id = "a"\nname = "x"\npurpose = "ads"\ntime_zone = "Europe/Pariss"\n' + KNOWN,
            ("shop.toml:5: audience a: there is no time zone Europe/Pariss; did you mean Europe/Paris?",),
        ),
        (
            'id = "a"\nname = "x"\npurpose = "ads"\ntime_zone = "Europe/Paris"\nrule = {spent=9, within="2 days"}\n',
            (f"shop.toml:6: audience a: {OTHER_ZONE}",),
        ),
        (
            'id = "a"\nname = "x"\npurpose = "ads"\nrule = {birthday = "gender"}\n',
            ("shop.toml:5: audience a: gender is no date: it must be a number such as 19900517, or 517",),
        ),
        (
            'id = "a"\nname = "x"\npurpose = "ads"\nrule = {birthday = "birth_yaer"}\n',
            ("shop.toml:5: audience a: there is no trait birth_yaer; did you mean birth_year?",),
        ),
        (
            'id = "a"\nname = "x"\npurpose = "ads"\nrule = {known = "a\\nb"}\n',
            ("shop.toml:5: audience a: there is no feature or trait a\\nb",),
        ),
    ],
)
def test_all_that_is_wrong_with_an_audience_is_told_at_once(definition: str, told: tuple[str, ...]) -> None:
    assert problems("shop.toml", "[[audience]]\n" + definition) == told


def audience(identifier: str, rule: str) -> str:
    return HEAD.replace("runners", identifier) + f"rule = {rule}\n"


def test_a_circle_of_audiences_is_told_once_where_it_closes() -> None:
    text = (
        audience("a", '{audience = "b"}')
        + audience("b", '{not = {audience = "c"}}')
        + audience("c", '{audience = "a"}')
    )

    assert problems("shop.toml", text) == ("shop.toml:15: audience c: names itself in a circle: a, b, c, a",)


def test_an_unknown_audience_is_told_with_the_nearest_one() -> None:
    text = audience("big-spenders", '{known = "age"}') + audience("a", '{audience = "big-spender"}')

    assert problems("shop.toml", text) == (
        "shop.toml:10: audience a: there is no audience big-spender; did you mean big-spenders?",
    )


def test_two_audiences_with_one_id_are_refused() -> None:
    text = audience("a", '{known = "age"}') + audience("a", '{known = "gender"}')

    assert problems("shop.toml", text) == ("shop.toml:2: audience a: there is another one with this id below",)


def test_depth_counts_through_named_audiences() -> None:
    deep = "{not = " * 5 + '{known = "age"}' + "}" * 5
    deeper = "{not = " * 4 + '{audience = "a"}' + "}" * 4

    assert problems("shop.toml", audience("a", deep) + audience("b", deeper)) == (
        "shop.toml:10: audience b: nested deeper than 8 levels of all, any and not",
    )


def test_a_rule_with_too_many_clauses_is_refused_where_it_is_written() -> None:
    pair = '{any = [{feature = "spend", above = %d}, {feature = "clicks", above = %d}]}'
    rule = "{all = [" + ", ".join(pair % (number, number) for number in range(7)) + "]}"

    assert problems("shop.toml", audience("a", rule)) == (
        "shop.toml:5: audience a: needs more than 64 clauses in normal form: write it with fewer any inside of all",
    )


def test_a_change_that_makes_an_existing_audience_wrong_is_refused() -> None:
    deep = "{not = " * 5 + "%s" + "}" * 5
    (old,) = read_audiences("shop.toml", audience("a", '{known = "age"}'), VOCABULARY).audiences
    (user,) = read_audiences("shop.toml", audience("b", deep % '{audience = "a"}'), VOCABULARY, [old]).audiences

    assert problems("shop.toml", audience("a", deep % '{known = "age"}'), old, user) == (
        "shop.toml: audience b: nested deeper than 8 levels of all, any and not; this one exists already",
    )
