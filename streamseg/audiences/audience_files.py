"""Reads audiences from a file, and says in one line for each error what is wrong where."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from streamseg.audiences.definition import Audience, Definitions
from streamseg.audiences.meaning import Meaning, meanings
from streamseg.audiences.normal_form import DEPTH
from streamseg.audiences.vocabulary import Vocabulary
from streamseg.audiences.written.documents import Document, UnreadableError, parse
from streamseg.audiences.written.positions import Path
from streamseg.audiences.written.written_rules import KINDS, tag
from streamseg.errors import SettingsError
from streamseg.nearest_names import did_you_mean
from streamseg.wrong_values import message


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong with audiences: where in the file, in which audience if in one, and what."""

    where: str
    """`FILE:LINE`, or only the file."""
    audience: str
    path: Path
    """Names and positions that lead to it in the document; empty if it cannot be read at all."""
    text: str

    @property
    def field(self) -> str:
        """The path as programs write it, such as `audience[0].rule.feature`."""
        return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in self.path).removeprefix(".")

    def __str__(self) -> str:
        """Return one line, `FILE:LINE: audience ID: what is wrong`: names may hold ends of lines."""
        said = f"{self.where}: audience {self.audience}: {self.text}" if self.audience else f"{self.where}: {self.text}"
        return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in said)


class DefinitionError(SettingsError):
    """Audiences are wrong. `found` has one entry for each error, `problems` a line for each."""

    def __init__(self, found: Sequence[Wrong]) -> None:
        self.found = tuple(found)
        self.problems = tuple(map(str, found))
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class ReadAudiences:
    """The audiences of a file, in its order, and what they and the existing ones mean."""

    audiences: tuple[Audience, ...]
    meanings: dict[str, Meaning]


def read_audiences(
    name: str, content: bytes | str, vocabulary: Vocabulary, existing: Iterable[Audience] = ()
) -> ReadAudiences:
    """Read a file of TOML, YAML or JSON.

    Args:
        name: name of the file; its ending tells the language.
        content: what is in it.
        vocabulary: what rules can speak of.
        existing: audiences that rules may name besides those of the file, which take the place of their namesakes.

    Raises:
        DefinitionError: something is wrong, in the file or by what it would change.
    """
    try:
        document = parse(name, content)
    except UnreadableError as error:
        raise DefinitionError([Wrong(f"{name}:{error.line}", "", (), str(error))]) from None
    read = _validated(name, document)
    places = {one.id: index for index, one in enumerate(read)}
    for index, one in enumerate(read):
        if places[one.id] != index:
            path: Path = ("audience", index, "id")
            at = document.line(path)
            raise DefinitionError([Wrong(f"{name}:{at}", one.id, path, "there is another one with this id below")])
    found, problems = meanings([*(one for one in existing if one.id not in places), *read], vocabulary)
    if problems:
        wrong: list[tuple[int, Wrong]] = []
        for problem in problems:
            if problem.audience in places:
                path = ("audience", places[problem.audience], *problem.path)
                at = document.line(path)
                wrong.append((at, Wrong(f"{name}:{at}", problem.audience, path, problem.text)))
            else:
                said = f"{problem.text}; this one exists already"
                wrong.append((0, Wrong(name, problem.audience, (), said)))
        raise DefinitionError([one for _, one in sorted(wrong, key=lambda each: each[0])])
    return ReadAudiences(read, found)


_TAGS: Final = {tag(kind): kind for kind in KINDS}


def _validated(name: str, document: Document) -> tuple[Audience, ...]:
    try:
        return Definitions.model_validate(document.values).audience
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
        wrong = Wrong(f"{name}:{at}", _audience_at(document.values, path), path, _said(loc, one))
        found.setdefault(str(wrong), (at, wrong))
    raise DefinitionError([wrong for _, wrong in sorted(found.values(), key=lambda each: each[0])])


def _audience_at(values: Any, path: Path) -> str:
    """Return which audience a path leads into: its id, or else its number; nothing if it leads into none."""
    match path:
        case ("audience", int(index), *_):
            given = values["audience"][index]
            known = given.get("id") if isinstance(given, dict) else None
            return known if isinstance(known, str) and known.strip() else f"number {index + 1}"
        case _:
            return ""


def _said(loc: Path, error: Any) -> str:
    if error["type"].startswith("recursion"):
        return f"nested deeper than {DEPTH} levels of all, any and not"
    if error["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in _table(loc).model_fields.items()]
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


def _table(loc: Path) -> type[BaseModel]:
    """Return the table that a path leads through last."""
    kinds = [_TAGS[part] for part in loc if isinstance(part, str) and part in _TAGS]
    if kinds:
        return KINDS[kinds[-1]]
    return Audience if len(loc) > 1 else Definitions
