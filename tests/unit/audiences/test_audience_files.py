"""Audiences are read alike from TOML, YAML and JSON, as the published schema says."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from streamseg.audiences.audience_files import read_audiences
from streamseg.audiences.definition import Audience, definitions_schema
from streamseg.audiences.written.documents import parse
from tests.support.shop_vocabulary import VOCABULARY

EXAMPLES = Path(__file__).parents[3] / "schemas/audiences/v1/examples"
SCHEMA = jsonschema_rs.validator_for(definitions_schema())


def test_the_examples_say_the_same_in_three_languages() -> None:
    toml, yaml, in_json = (
        read_audiences(path.name, path.read_bytes(), VOCABULARY)
        for path in (EXAMPLES / "shop.toml", EXAMPLES / "shop.yaml", EXAMPLES / "shop.json")
    )

    assert toml == yaml == in_json
    assert len(toml.audiences) == len(toml.meanings) == 4


def test_the_schema_accepts_the_examples_and_what_is_written_of_them() -> None:
    read = read_audiences("shop.json", (EXAMPLES / "shop.json").read_bytes(), VOCABULARY)

    assert SCHEMA.is_valid(json.loads((EXAMPLES / "shop.json").read_bytes()))
    assert SCHEMA.is_valid({"audience": [one.written() for one in read.audiences]})


def test_what_is_written_of_an_audience_is_read_as_the_same_audience() -> None:
    for one in read_audiences("shop.toml", (EXAMPLES / "shop.toml").read_bytes(), VOCABULARY).audiences:
        text = json.dumps({"audience": [one.written()]})
        assert parse("a.json", text).values == {"audience": [one.written()]}
        assert Audience.model_validate(json.loads(text)["audience"][0]) == one


@pytest.mark.parametrize(
    "rule",
    [
        {"all": []},
        {"all": [{"known": "age"}, "spend"]},
        {"not": [{"known": "age"}]},
        {"known": "age", "feature": "spend"},
        {"feature": "spend", "at_last": 1},
        {"event": "visit", "within": "1 month"},
        {"spent": 200},
        {},
        "spend > 3",
    ],
)
def test_the_schema_refuses_wrong_rules(rule: Any) -> None:
    audience = {"id": "a", "name": "A", "purpose": "ads"}

    assert SCHEMA.is_valid({"audience": [{**audience, "rule": {"known": "age"}}]})
    assert not SCHEMA.is_valid({"audience": [{**audience, "rule": rule}]})


TOML = r'''# a comment with [brackets] and "quotes
title = "with # no comment" # one
text = """
three
lines with \""" in them"""  # and after
raw = \'\'\'it's
raw\'\'\'
a.b."c d" = [1, [
  2.5, "x]",  # an entry
  { e = 1979-05-27 07:32:00, f = "}" },
],
  3 ]

[table.inner]
x = true
[[list]]
id = 1
[[list]]
id = 2
[list.part]
y = 1
[[list.more]]
z = 1
'''.replace("\\'", "'")


def test_values_of_toml_are_found_in_their_lines() -> None:
    read = parse("a.toml", TOML)

    assert {path: line for path, line in read.lines.items() if path} == {
        ("title",): 2,
        ("text",): 3,
        ("raw",): 6,
        ("a",): 8,
        ("a", "b"): 8,
        ("a", "b", "c d"): 8,
        ("a", "b", "c d", 0): 8,
        ("a", "b", "c d", 1): 8,
        ("a", "b", "c d", 1, 0): 9,
        ("a", "b", "c d", 1, 1): 9,
        ("a", "b", "c d", 1, 2): 10,
        ("a", "b", "c d", 1, 2, "e"): 10,
        ("a", "b", "c d", 1, 2, "f"): 10,
        ("a", "b", "c d", 2): 12,
        ("table",): 14,
        ("table", "inner"): 14,
        ("table", "inner", "x"): 15,
        ("list",): 16,
        ("list", 0): 16,
        ("list", 0, "id"): 17,
        ("list", 1): 18,
        ("list", 1, "id"): 19,
        ("list", 1, "part"): 20,
        ("list", 1, "part", "y"): 21,
        ("list", 1, "more"): 22,
        ("list", 1, "more", 0): 22,
        ("list", 1, "more", 0, "z"): 23,
    }
    assert parse("a.toml", TOML.replace("\n", "\r\n")).lines == read.lines


def test_a_value_that_is_missing_is_told_in_the_line_of_its_table() -> None:
    read = parse("a.yaml", "audience:\n  - id: x\n    rule: {known: age}\n")

    assert read.line(("audience", 0, "rule", "known")) == 3
    assert read.line(("audience", 0, "purpose")) == 2
    assert read.line(("other",)) == 1


def test_json_is_read_as_json_and_not_as_yaml() -> None:
    """PyYAML refuses tabs, and reads an escaped emoji as two halves."""
    read = parse("a.json", '{\n\t"name": "\\ud83d\\ude00"\n}')

    assert read.values == {"name": "\N{GRINNING FACE}"}
    assert read.line(("name",)) == 2
