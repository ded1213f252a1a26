"""Writes a definition as the TOML text that people keep in files. What is read from it is the same again."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_GROUPS: Final = ("all", "any")


def toml_of(definition: Mapping[str, Any], kind: str = "audience") -> str:
    """Return the text of a file with this one of a kind, given as JSON values; names that have none are left out.

    >>> print(toml_of({"id": "vip", "purpose": "ads", "rule": {"all": [{"known": "age"}, {"not": {"list": "no"}}]}}))
    [[audience]]
    id = "vip"
    purpose = "ads"
    rule.all = [
      { known = "age" },
      { not = { list = "no" } },
    ]
    """
    lines = [f"[[{kind}]]"]
    for name, value in definition.items():
        if name == "rule" and isinstance(value, Mapping) and len(value) == 1:
            ((kind, parts),) = value.items()
            lines.append(
                f"rule.{_name(kind)} = {_value(parts, 0)}" if kind in {*_GROUPS, "not"} else _line(name, value)
            )
        elif value is not None:
            lines.append(_line(name, value))
    return "\n".join(lines)


def _line(name: str, value: Any) -> str:
    return f"{_name(name)} = {_value(value, 0)}"


def _value(value: Any, depth: int) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case Mapping():
            inside = ", ".join(
                f"{_name(name)} = {_value(one, depth)}" for name, one in value.items() if one is not None
            )
            return f"{{ {inside} }}" if inside else "{}"
        case list() | tuple():
            if not any(isinstance(one, Mapping) for one in value):
                return f"[{', '.join(_value(one, depth) for one in value if one is not None)}]"
            indent = "  " * (depth + 1)
            parts = "".join(f"{indent}{_value(one, depth + 1)},\n" for one in value)
            return f"[\n{parts}{'  ' * depth}]"
        case _:
            return _text(str(value))


def _name(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    whole = text.encode("utf-8", "replace").decode()
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")
