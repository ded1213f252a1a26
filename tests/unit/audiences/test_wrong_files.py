"""A file that cannot be read is told in one line: file, line, and what is wrong."""

import pytest

from tests.support.wrong_definitions import problems


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
