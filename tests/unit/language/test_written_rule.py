"""Rules of declared segments are told in words (issue 14, number 6)."""

import pytest
from pydantic import TypeAdapter

from streamseg import packs
from streamseg.audiences.segment_files import read_segment_rules
from streamseg.audiences.written.written_rules import Rule
from streamseg.language import languages, messages
from streamseg.language.segment_text import feature_name
from streamseg.language.written_rule import told


def said(rule: object, language: str = "en") -> str:
    read = TypeAdapter(Rule).validate_python(rule)
    written = read.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return told(written, messages(language)["rule"], lambda name: feature_name(name, language))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"event": "purchase"}, "purchase ever"),
        ({"event": "view", "at_least": 3, "within": "7d"}, "view at least 3 times within 7 days"),
        ({"event": "cart", "category": "shoes", "within": "1h"}, "cart of shoes within 1 hour"),
        ({"event": "purchase", "none_within": "90d"}, "not: purchase within 90 days"),
        ({"event": "view", "at_most": 2, "within": "7d"}, "not: view at least 3 times within 7 days"),
        ({"never": "purchase"}, "not: purchase ever"),
        ({"known": "age"}, "age is known"),
        ({"trait": "country", "is_one_of": ["nl", "be"]}, "country is nl or be"),
        ({"trait": "age", "at_least": 18, "below": 30}, "age >= 18 and age < 30"),
        ({"list": "vips"}, "is on list vips"),
        (
            {"all": [{"event": "purchase"}, {"any": [{"known": "age"}, {"not": {"list": "vips"}}]}]},
            "purchase ever and (age is known or not: is on list vips)",
        ),
        ({"birthday": "birth_date"}, '{"birthday": "birth_date"}'),
    ],
)
def test_a_rule_is_told_in_words_where_there_are_any(rule: object, words: str) -> None:
    assert said(rule) == words


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("pack", ["status", "journey"])
def test_no_rule_of_a_shipped_pack_reads_as_it_is_written(pack: str, language: str) -> None:
    path = packs.pack(pack).rules
    assert path is not None
    rules = [one.rule for one in read_segment_rules(pack, path).segment if one.rule is not None]
    assert rules
    for rule in rules:
        text = said(rule.model_dump(mode="python", by_alias=True, exclude_defaults=True), language)
        assert not {*'{}"'} & {*text}, text
        assert "  " not in text
