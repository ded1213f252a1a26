"""Lists every setting with its default, unit and meaning, read from the tables themselves."""

import ast
import inspect
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from streamseg.settings.loading import PREFIX, Settings

_UNITS: Final = {
    "_seconds": "seconds",
    "_days": "days",
    "_minutes": "minutes",
    "_bytes": "bytes",
    "_port": "port",
    "_share_limit": "share, 0-1",
    "_per_second": "per second",
    "_per_second_per_key": "per second",
    "typical_price": "the currency's unit",
    "typical_order": "the currency's unit",
    "margin": "share, 0-1",
    "step": "share, 0-1",
}
"""Unit of a number by the end of its name; other numbers are counts."""
_KINDS: Final = {tuple: "list", dict: "table", bool: "true | false", SecretStr: "secret", Path: "path"}


@dataclass(frozen=True, slots=True)
class ListedSetting:
    """One setting. `NAME` in its path stands for a name that the settings file chooses."""

    name: str
    unit: str
    """What a value is: a unit for numbers, the choices, or the kind of value."""
    default: Any
    """The default as JSON; None where there is none."""
    meaning: str


def listed_settings() -> list[ListedSetting]:
    """Return every setting in the order of the tables."""
    return list(_listed(Settings, ""))


def _listed(table: type[BaseModel], path: str) -> list[ListedSetting]:
    meanings = _meanings(table)
    listed = []
    for name, field in table.model_fields.items():
        inner, keyed = _table_of(field.annotation)
        if inner is None:
            listed.append(
                ListedSetting(path + name, _unit(name, field.annotation), _default(field), meanings.get(name, ""))
            )
        else:
            listed += _listed(inner, f"{path}{name}.NAME." if keyed else f"{path}{name}.")
    return listed


def _meanings(table: type[BaseModel]) -> dict[str, str]:
    """Return the texts below the fields in the source of a class and of those it inherits from, by field."""
    found: dict[str, str] = {}
    for one in reversed([base for base in table.__mro__ if issubclass(base, BaseModel) and base is not BaseModel]):
        if not one.__module__.startswith("streamseg."):
            continue
        (parsed,) = ast.parse(textwrap.dedent(inspect.getsource(one))).body
        assert isinstance(parsed, ast.ClassDef)
        for statement, below in zip(parsed.body, parsed.body[1:], strict=False):
            if (
                isinstance(statement, ast.AnnAssign)
                and isinstance(statement.target, ast.Name)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
            ):
                found[statement.target.id] = " ".join(str(below.value.value).split())
    return found


def _table_of(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """Return the table of a field, and whether the field holds many of them by name; (None, False) for a value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    if get_origin(annotation) is dict:
        inner = get_args(annotation)[1]
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return inner, True
    return None, False


def _unit(name: str, annotation: Any) -> str:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        unit = _unit(name, parts[0])
    elif origin in {Union, UnionType}:
        unit = " or ".join(_unit(name, part) for part in parts if part is not NoneType)
    elif origin is Literal:
        unit = " | ".join(str(part) for part in parts)
    elif annotation in {int, float}:
        ends = (unit for end, unit in _UNITS.items() if name.endswith(end) or name == end.removeprefix("_"))
        unit = next(ends, "count" if annotation is int else "number")
    else:
        unit = _KINDS.get(origin or annotation, "text")
    return unit


def _default(field: FieldInfo) -> Any:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return None
    return [*value] if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value


def name_in_environment(name: str) -> str:
    """Return the environment variable of a setting: `STREAMSEG_` and its path, joined by `__`."""
    return PREFIX + name.upper().replace(".", "__")
