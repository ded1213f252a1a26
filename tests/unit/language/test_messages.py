"""Languages: the same keys in all, numbers as people write them, and the language that was asked for."""

from itertools import product
from pathlib import Path
from string import Formatter

import pytest

from streamseg.errors import SettingsError
from streamseg.features.words.attributes import slug
from streamseg.language import languages, messages, negotiated
from streamseg.language.actions import read_actions, suggested
from streamseg.language.amounts import money, number, numbers, often, share, span
from streamseg.language.segment_text import rfm_name
from streamseg.packs import names, pack

EN = messages("en")


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_there_are_english_dutch_and_swedish() -> None:
    assert languages() == ("en", "nl", "sv")


@pytest.mark.parametrize("language", languages())
def test_all_keys_are_in_every_language_with_the_same_facts(language: str) -> None:
    tables = messages(language)
    assert list(tables) == list(EN)
    for table, texts in EN.items():
        assert set(tables[table]) == set(texts), table
        for key, text in texts.items():
            other = tables[table][key]
            assert type(other) is type(text), (table, key)
            forms = {"": (text, other)} if isinstance(text, str) else {one: (text[one], other[one]) for one in text}
            for said, translated in forms.values():
                assert translated.strip() or (table, key) == ("form", "thousands")
                if key != "name" and "one" not in forms:
                    assert placeholders(translated) == placeholders(said), (table, key)


@pytest.mark.parametrize("language", [one for one in languages() if one != "en"])
def test_no_sentence_was_left_in_english(language: str) -> None:
    for table in ("sentence", "often", "span", "label"):
        for key, text in messages(language)[table].items():
            same = {"attribute", "attribute_value", "attribute_share", "join", "numbered"}
            assert key in same or text != EN[table][key], (table, key)


@pytest.mark.parametrize(
    ("rate", "text"),
    [(25, "nearly every day"), (4.3, "about once a week"), (2, "about every two weeks"), (1, "about once a month"),
     (0.3, "every few months"), (0.0, "hardly ever")],
)  # fmt: skip
def test_rates_are_written_as_habits(rate: float, text: str) -> None:
    assert often(EN, rate) == text


@pytest.mark.parametrize(
    ("days", "en", "sv"),
    [(0.2, "less than a day", "mindre än en dag"), (1.2, "a day", "en dag"), (12, "12 days", "12 dagar"),
     (30, "4 weeks", "4 veckor"), (100, "3 months", "3 månader"), (1200, "3 years", "3 år")],
)  # fmt: skip
def test_times_have_plural_forms(days: float, en: str, sv: str) -> None:
    assert (span(EN, days), span(messages("sv"), days)) == (en, sv)


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ([56.7, 71.2], "55-70 EUR"),
        ([1234.0, 4321.0], "1,200-4,300 EUR"),
        ([58.0, 61.0], "about 60 EUR"),
        ([2.44, 2.61], "2.40-2.60 EUR"),
        ([0.0, 0.0], "about 0 EUR"),
        ([2.61], "2.61 EUR"),
        ([0.0], "0 EUR"),
        ([1203.4], "1,203 EUR"),
        ([0.0, 6.5], "up to 6.50 EUR"),
    ],
)
def test_money_is_written_as_people_round_it(ends: list[float], text: str) -> None:
    assert money(EN, ends, "EUR") == text


@pytest.mark.parametrize(("value", "text"), [(0.04, "0.04"), (0.1, "0.1"), (0.0, "0"), (0.001, "0"), (2.0, "2")])
def test_a_small_number_is_not_rounded_to_nothing(value: float, text: str) -> None:
    assert number(EN, value) == text


def test_numbers_follow_the_language() -> None:
    assert [number(messages(one), 1234567.0) for one in ("en", "nl", "sv")] == ["1,234,567", "1.234.567", "1 234 567"]
    assert [number(messages(one), 4.25) for one in ("en", "nl")] == ["4.2", "4,2"]
    assert [share(messages(one), 0.785) for one in ("en", "sv")] == ["78%", "78 %"]
    assert [share(EN, one) for one in (0.0, 0.001, 0.006, 0.994, 0.999, 1.0)] == [
        "0%", "under 1%", "1%", "99%", "over 99%", "100%"
    ]  # fmt: skip
    assert numbers(EN, [25, 34]) == "25-34"
    assert numbers(EN, [25, 25]) == "25"


@pytest.mark.parametrize(
    ("asked", "accepted", "found"),
    [
        (None, None, "en"),
        (None, "fr-FR, sv;q=0.7, nl;q=0.9", "nl"),
        (None, "sv-FI", "sv"),
        (None, "nl;q=0", "en"),
        (None, "nl;q=x, sv;q=0.1", "sv"),
        ("nl", "sv", "nl"),
        ("NL-be", None, "nl"),
        ("xx", "sv", "sv"),
    ],
)
def test_the_language_is_the_best_of_those_that_there_are(asked: str | None, accepted: str | None, found: str) -> None:
    assert negotiated(asked, accepted) == found


def test_rfm_names_are_the_customary_ones_in_english_only() -> None:
    assert [rfm_name("Can't Lose Them", one) for one in ("en", "nl")] == ["Can't Lose Them", "mag niet verloren gaan"]


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(SettingsError, match="there is no language tlh: choose one of en, nl, sv"):
        messages("tlh")


def test_the_shipped_actions_are_in_every_language_and_hold_fitgears_three() -> None:
    actions = read_actions()
    assert all(set(one.texts) == set(languages()) for one in actions)
    for traits, goods, word in (
        (["frequent_buyers", "premium_buyers"], "Performance gear", "new fabrics"),
        (["weekend_shoppers", "bargain_hunters"], "leisure wear", "styling tips"),
        (["one_time_buyers", "rare_visitors"], "basic sets", "starter guide"),
    ):
        found, elsewhere = suggested(traits, actions, [goods]), suggested(traits, actions, ["compact discs"])
        assert found is not None
        assert elsewhere is not None
        assert word in found.text("en")
        assert word not in elsewhere.text("en")
    assert suggested(["by_mobile"], actions) is None


SPORT = ("fabric", "styling", "fitting", "sport", "athlete", "stoffen", "pashulp", "storlek", "material", "model")


def test_actions_of_any_shop_speak_of_no_goods() -> None:
    """Issue 14, number 6: a music shop was told to send news of fabrics, a grocery to offer fitting help."""
    neutral = [one for one in read_actions() if not one.goods]
    assert len(neutral) >= 12
    for one in neutral:
        for text in one.texts.values():
            assert not [word for word in SPORT if word in text.lower()], text
    bound = [one for one in read_actions() if one.goods]
    assert any(word in one.texts["en"] for one in bound for word in SPORT), "the words are those of FitGear's texts"


def test_a_shop_replaces_the_table_of_actions(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text('[[action]]\nname = "call"\nif = ["big_spenders"]\nen = "call them"\nnl = "bel hen op"\n')
    (one,) = read_actions(path)
    assert (one.text("nl"), one.text("sv")) == ("bel hen op", "call them")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[action]]\nname = "a"\nif = ["rich"]\nen = "x"\n', "action a: there is no word rich"),
        (
            '[[action]]\nname = "a"\nif = ["browsers"]\ngoods = "tea"\nen = "x"\n',
            "action a: `goods` must list",
        ),
        ('[[action]]\nname = "a"\nif = []\nen = "x"\n', "action a: `if` must list one word or more"),
        ('[[action]]\nname = "a"\nif = ["browsers"]\nnl = "x"\n', "action a: needs a name and a text `en`"),
        ("[[action", "is no TOML"),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=message):
        read_actions(path)


def test_values_of_packs_are_in_every_language() -> None:
    tables = [(one, messages(one)) for one in languages()]
    for name in names():
        for trait, declared in pack(name).attributes.items():
            grouped = {declared.get("group_as", ""): [*declared.get("groups", ()), *declared.get("bands", ())]}
            for attribute, values in ({trait: declared.get("values", ())} | grouped).items():
                for (language, texts), value in product(tables, values):
                    assert slug(attribute) in texts["attribute"], (language, attribute)
                    assert f"{slug(attribute).removeprefix('company_')}_{slug(value)}" in texts["value"], (
                        language,
                        value,
                    )


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml cannot be read"):
        read_actions(tmp_path / "none.toml")
