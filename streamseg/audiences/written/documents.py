"""Parses TOML, YAML and JSON texts alike: values, and the lines where they are."""

import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

import yaml

from streamseg.audiences.written.positions import Path, RepeatedNameError, lines_of_json, lines_of_toml
from streamseg.nearest_names import did_you_mean


class UnreadableError(ValueError):
    """The text is not of its language. `line` counts from 1."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


@dataclass(frozen=True, slots=True)
class Document:
    """The values of a text, and their lines by path."""

    values: Any
    lines: dict[Path, int]

    def line(self, path: Path) -> int:
        """Return the line of a value, or of the innermost one around it that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def parse(name: str, content: bytes | str) -> Document:
    """Parse a text by the ending of its file's name. Raises `UnreadableError`."""
    ending = PurePath(name).suffix.lower()
    if ending not in _PARSERS:
        known = ", ".join(_PARSERS)
        raise UnreadableError(1, f"files end in {known}, not in {ending or name}{did_you_mean(ending, _PARSERS, '')}")
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(error.object[: error.start].count(b"\n") + 1, "is not in UTF-8") from None
    try:
        return _PARSERS[ending](text)
    except RecursionError:
        raise UnreadableError(1, "is nested too deeply") from None


def _toml(text: str) -> Document:
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said, _, place = str(error).partition(" (at ")
        line = int(place.removeprefix("line ").partition(",")[0]) if place.startswith("line") else text.count("\n") + 1
        raise UnreadableError(line, f"is no TOML: {_small(said)}") from None
    return Document(values, lines_of_toml(text))


def _json(text: str) -> Document:
    try:
        return Document(json.loads(text), lines_of_json(text))
    except json.JSONDecodeError as error:
        raise UnreadableError(error.lineno, f"is no JSON: {_small(error.msg)}") from None
    except RepeatedNameError as error:
        raise UnreadableError(error.line, str(error)) from None


class _Loader(yaml.SafeLoader):
    """Refuses aliases: some lines of them become gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # the stubs leave it out
            raise yaml.MarkedYAMLError(problem="aliases are not read", problem_mark=mark)
        return super().compose_node(parent, index)


def _yaml(text: str) -> Document:
    lines: dict[Path, int] = {}
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return Document(None if node is None else _value(loader, node, (), lines), lines)
    except yaml.reader.ReaderError as error:
        raise UnreadableError(text[: error.position].count("\n") + 1, f"is no YAML: {error.reason}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise UnreadableError(line, f"is no YAML: {error.problem}") from None


def _value(loader: _Loader, node: yaml.Node, path: Path, lines: dict[Path, int]) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, one, (*path, index), lines) for index, one in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise UnreadableError(key.start_mark.line + 1, "names must be text")
            name = str(key.value)
            if name in found:
                raise UnreadableError(key.start_mark.line + 1, f"{name} is given twice")
            lines[(*path, name)] = key.start_mark.line + 1
            found[name] = _value(loader, value, (*path, name), lines)
        return found
    try:
        return loader.construct_object(node)
    except ValueError as error:
        raise UnreadableError(line, f"is no YAML: {error}") from None


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]


_PARSERS: Final[dict[str, Callable[[str], Document]]] = {".toml": _toml, ".yaml": _yaml, ".yml": _yaml, ".json": _json}
