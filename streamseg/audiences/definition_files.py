"""Reads files of definitions with rules, and says in one line for each error what is wrong where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from streamseg.audiences.normal_form import DEPTH
from streamseg.audiences.written.documents import Document, UnreadableError, parse
from streamseg.audiences.written.positions import Path
from streamseg.audiences.written.written_rules import KINDS, tag
from streamseg.errors import SettingsError
from streamseg.nearest_names import did_you_mean
from streamseg.wrong_values import message

File = TypeVar("File", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong with definitions: where in the file, in which of them if in one, and what."""

    where: str
    """`FILE:LINE`, or only the file."""
    kind: str
    """Such as `audience`; empty if it is in none of them."""
    name: str
    """Which one: its id, or its number."""
    path: Path
    """Names and positions that lead to it in the document; empty if it cannot be read at all."""
    text: str

    @property
    def field(self) -> str:
        """The path as programs write it, such as `audience[0].rule.feature`."""
        return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in self.path).removeprefix(".")

    def __str__(self) -> str:
        """Return one line, `FILE:LINE: audience ID: what is wrong`: names may hold ends of lines."""
        said = f"{self.where}: {self.kind} {self.name}: {self.text}" if self.kind else f"{self.where}: {self.text}"
        return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in said)


class DefinitionError(SettingsError):
    """Definitions are wrong. `found` has one entry for each error, `problems` a line for each."""

    def __init__(self, found: Sequence[Wrong]) -> None:
        self.found = tuple(found)
        self.problems = tuple(map(str, found))
        super().__init__("\n".join(self.problems))


class Contents(NamedTuple, Generic[File]):
    """What a file holds: several of a kind, in a list with the name of the kind."""

    kind: str
    """Such as `audience`."""
    file: type[File]
    entry: type[BaseModel]


def read(name: str, content: bytes | str, contents: Contents[File]) -> tuple[Document, File]:
    """Read a file of TOML, YAML or JSON; the ending of its name tells which. Raises `DefinitionError`."""
    try:
        document = parse(name, content)
    except UnreadableError as error:
        raise DefinitionError([Wrong(f"{name}:{error.line}", "", "", (), str(error))]) from None
    return document, _validated(name, document, contents)


def same_id_below(name: str, document: Document, contents: Contents[Any], ids: Sequence[str]) -> Wrong | None:
    """Return what is wrong where an id is given twice; None where none is."""
    places = {one: index for index, one in enumerate(ids)}
    for index, one in enumerate(ids):
        if places[one] != index:
            path: Path = (contents.kind, index, "id")
            where = f"{name}:{document.line(path)}"
            return Wrong(where, contents.kind, one, path, "there is another one with this id below")
    return None


_TAGS: Final = {tag(kind): kind for kind in KINDS}


def _validated(name: str, document: Document, contents: Contents[File]) -> File:
    try:
        return contents.file.model_validate(document.values)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    paths = [one["loc"] for one in errors]
    found: dict[str, tuple[int, Wrong]] = {}
    for one in errors:
        loc = one["loc"]
        if one["type"] == "too_short" and any(path[: len(loc)] == loc and path != loc for path in paths):
            continue  # pydantic counts what is left without the wrong ones
        path: Path = tuple(part for part in loc if part not in _TAGS)
        at = document.line(path)
        entry = _entry_at(document.values, path, contents.kind)
        wrong = Wrong(f"{name}:{at}", contents.kind if entry else "", entry, path, _said(loc, one, contents))
        found.setdefault(str(wrong), (at, wrong))
    raise DefinitionError([wrong for _, wrong in sorted(found.values(), key=lambda each: each[0])])


def _entry_at(values: Any, path: Path, kind: str) -> str:
    """Return which entry a path leads into: its id, or else its number; nothing if it leads into none."""
    match path:
        case (str(listed), int(index), *_) if listed == kind:
            given = values[kind][index]
            known = given.get("id") if isinstance(given, dict) else None
            return known if isinstance(known, str) and known.strip() else f"number {index + 1}"
        case _:
            return ""


def _said(loc: Path, error: Any, contents: Contents[Any]) -> str:
    if error["type"].startswith("recursion"):
        return f"nested deeper than {DEPTH} levels of all, any and not"
    if error["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in _table(loc, contents).model_fields.items()]
        return f"unknown name {loc[-1]}{did_you_mean(str(loc[-1]), known, '')}"
    return f"{_subject(loc)} {message(error)}"


def _subject(loc: Path) -> str:
    """Return what an error speaks of: a name, an entry of a list, or the kind of a rule."""
    match loc:
        case (*_, str(name), int(index)):
            return f"entry {index + 1} of {name}"
        case (*_, str(name)):
            return _TAGS.get(name, name)
        case _:
            return "the file"


def _table(loc: Path, contents: Contents[Any]) -> type[BaseModel]:
    """Return the table that a path leads through last."""
    kinds = [_TAGS[part] for part in loc if isinstance(part, str) and part in _TAGS]
    if kinds:
        return KINDS[kinds[-1]]
    entry: type[BaseModel] = contents.entry if len(loc) > 1 else contents.file
    return entry
