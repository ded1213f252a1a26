"""Finds the lines of all values in a TOML or JSON text: their parsers tell values only.

The text was parsed before, so it is known to be correct, and a scan of its tokens is enough.
"""

import json
import re
import tomllib
from abc import ABC, abstractmethod
from typing import Final, NamedTuple

Path = tuple[str | int, ...]
"""Names and indexes that lead to a value of a document."""

_JSON: Final = re.compile(r'(?P<text>"(?:\\.|[^"\\])*")|(?P<mark>[\[\]{},:])|(?P<line>\n)|(?P<bare>[^\s\[\]{},:"]+)')
_TOML: Final = re.compile(
    r'(?P<text>"""(?:\\.|[^\\])*?"{3,5}|\'{3}.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\')|(?P<comment>#[^\n]*)'
    r"|(?P<mark>[\[\]{},=.])|(?P<line>\n)|(?P<bare>[^\s\[\]{},=.#\"']+)",
    re.DOTALL,
)


class RepeatedNameError(ValueError):
    """A name is given twice in one table."""

    def __init__(self, name: str, line: int) -> None:
        super().__init__(f"{name} is given twice")
        self.line = line


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


class _Scan(ABC):
    """The tokens of a text, and the lines of the values read so far."""

    def __init__(self, text: str, tokens: re.Pattern[str]) -> None:
        self.places: dict[Path, int] = {}
        self._tokens: list[_Token] = []
        self._next = 0
        line = 1
        for found in tokens.finditer(text):
            kind = found.lastgroup or ""
            if kind != "comment":
                self._tokens.append(_Token(kind, found.group(), line))
            line += found.group().count("\n")
        self._tokens.append(_Token("end", "", line))

    @property
    def ahead(self) -> _Token:
        return self._tokens[self._next]

    def take(self) -> _Token:
        self._next += 1
        return self._tokens[self._next - 1]

    def skip_lines(self) -> _Token:
        """Pass over ends of lines, and return the token ahead."""
        while self.ahead.kind == "line":
            self._next += 1
        return self.ahead

    def value(self, path: Path) -> None:
        """Read one value with all that is in it."""
        first = self.skip_lines()
        self.places.setdefault(path, first.line)
        if first.text == "[":
            self.take()
            index = 0
            while self.skip_lines().text != "]":
                self.value((*path, index))
                index += 1
                self._pass_comma()
            self.take()
        elif first.text == "{":
            self.take()
            while self.skip_lines().text != "}":
                self.value(self.key(path))
                self._pass_comma()
            self.take()
        else:
            self.take()
            while self.ahead.kind not in {"line", "end"} and self.ahead.text not in {",", "]", "}"}:
                self.take()

    @abstractmethod
    def key(self, path: Path) -> Path:
        """Read a name and what follows it up to its value; return the path of the value."""

    def _pass_comma(self) -> None:
        if self.skip_lines().text == ",":
            self.take()


class _JsonScan(_Scan):
    def key(self, path: Path) -> Path:
        """Read a name and the colon after it."""
        token = self.take()
        name: str = json.loads(token.text)
        if (*path, name) in self.places:
            raise RepeatedNameError(name, token.line)
        self.places[(*path, name)] = token.line
        self.skip_lines()
        self.take()
        return (*path, name)


class _TomlScan(_Scan):
    def __init__(self, text: str) -> None:
        super().__init__(text, _TOML)
        self._tables: dict[Path, int] = {}

    def document(self) -> None:
        """Read all lines: headers, and names with their values."""
        table: Path = ()
        while self.skip_lines().kind != "end":
            if self.ahead.text == "[":
                table = self._header()
            else:
                self.value(self.key(table))

    def key(self, path: Path) -> Path:
        """Read a name, or several with dots between them, and the mark after it."""
        while True:
            token = self.take()
            path = (*path, _toml_name(token))
            self.places.setdefault(path, token.line)
            if self.take().text != ".":
                return path

    def _header(self) -> Path:
        """Read the header of a table; one of several in a list is counted."""
        self.take()
        is_listed = self.ahead.text == "["
        if is_listed:
            self.take()
        path: Path = ()
        while True:
            token = self.take()
            path = (*path, _toml_name(token))
            self.places.setdefault(path, token.line)
            if self.take().text == "]":
                break
            path = self._latest(path)
        if is_listed:
            self.take()
            self._tables[path] = self._tables.get(path, -1) + 1
        path = self._latest(path)
        self.places.setdefault(path, token.line)
        return path

    def _latest(self, path: Path) -> Path:
        """Return the path of the latest table of a list; the same path if it is no list."""
        return (*path, self._tables[path]) if path in self._tables else path


def _toml_name(token: _Token) -> str:
    return token.text if token.kind == "bare" else str(tomllib.loads(f"name = {token.text}")["name"])


def lines_of_json(text: str) -> dict[Path, int]:
    """Return the line of each value of a JSON text by its path. Raises `RepeatedNameError`."""
    scan = _JsonScan(text, _JSON)
    scan.value(())
    return scan.places


def lines_of_toml(text: str) -> dict[Path, int]:
    """Return the line of each value of a TOML text by its path."""
    scan = _TomlScan(text)
    scan.document()
    return scan.places
