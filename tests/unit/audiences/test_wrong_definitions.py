"""What is wrong with an audience is told in one line: file, line, audience, and the nearest known name."""

import pytest

from streamseg.audiences.audience_files import read_audiences
from streamseg.audiences.definition import Audience
from streamseg.audiences.definition_files import DefinitionError
from tests.support.shop_vocabulary import VOCABULARY

HEAD = '[[audience]]\nid = "runners"\nname = "Runners"\npurpose = "ads"\n'
KNOWN = 'rule = {known = "age"}\n'
NO_ID = "must be small letters and digits, a letter first, with single dashes between words"
NO_ZONE = "has no zone: write 2027-01-01T00:00:00Z, or its offset such as +01:00"
NO_TIME = "must be a date such as 2027-01-31, or a time with its zone such as 2027-01-31T12:00:00+01:00"
OTHER_ZONE = "rows count amounts by days of Europe/Amsterdam, not of Europe/Paris"
KINDS = (
    "all, any, not, feature, known, trait, event, never, spent, birthday, segment, segmentation, "
    "lookalike, audience, list"
)


def problems(name: str, content: str | bytes, *existing: Audience) -> tuple[str, ...]:
    with pytest.raises(DefinitionError) as refused:
        read_audiences(name, content, VOCABULARY, existing)
    assert str(refused.value) == "\n".join(refused.value.problems)
    return refused.value.problems


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


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.toml", "[[audience]\n", "a.toml:1: is no TOML: expected ']]' at the end of an array declaration"),
        ("a.toml", "x = 1\nx = 2\n", "a.toml:2: is no TOML: cannot overwrite a value"),
        ("a.toml", "", "a.toml:1: audience is missing"),
        ("a.toml", "[audience.x]\n", "a.toml:1: audience must be a list"),
        ("a.toml", b"x = 1\ny = '\xff'\n", "a.toml:2: is not in UTF-8"),
        ("a.toml", "x = " + "[" * 100_000, "a.toml:1: is nested too deeply"),
        ("a.tml", "", "a.tml:1: files end in .toml, .yaml, .yml, .json, not in .tml; did you mean .toml?"),
        ("a.json", "[]", "a.json:1: the file must be a table"),
        ("a.json", '{"audience": [\n{"id": "a",\n"id": "b"}]}', "a.json:3: id is given twice"),
        (
            "a.json",
            '{"audience": [\n{"id": 1,}]}',
            "a.json:2: is no JSON: expecting property name enclosed in double quotes",
        ),
        ("a.json", "[" * 100_000, "a.json:1: is nested too deeply"),
        ("a.yaml", "audience:\n- &a {id: x}\n- *a\n", "a.yaml:3: is no YAML: aliases are not read"),
        ("a.yaml", "audience:\n- id: x\n  id: y\n", "a.yaml:3: id is given twice"),
        ("a.yaml", "audience:\n- ? [x]\n  : y\n", "a.yaml:2: names must be text"),
        (
            "a.yaml",
            "audience:\n- id: !!python/new x\n",
            "a.yaml:2: is no YAML: could not determine a constructor for the tag 'tag:yaml.org,2002:python/new'",
        ),
        ("a.yaml", "audience:\n- id: 2027-13-01\n", "a.yaml:2: is no YAML: month must be in 1..12"),
        ("a.yaml", "audience:\n- id: \0\n", "a.yaml:2: is no YAML: special characters are not allowed"),
        ("a.yaml", "[" * 5_000, "a.yaml:1: is nested too deeply"),
        (
            "a.yaml",
            "audience:\n- id: a\n  name: x\n  purpose: ads\n  rule:\n    trait: country\n    is: NO\n",
            "a.yaml:7: audience a: country is one of NL, BE, NO, not false: put words in quotes",
        ),
        (
            "a.json",
            '{"audience": [\n{"id": "a", "name": "x", "purpose": "ads",\n"rule": '
            + '{"not": ' * 300
            + '{"known": "age"}'
            + "}" * 301
            + "]}",
            "a.json:3: audience a: nested deeper than 8 levels of all, any and not",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_line(name: str, content: str | bytes, told: str) -> None:
    assert problems(name, content) == (told,)


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
