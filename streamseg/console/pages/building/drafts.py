"""Drafts of audiences: what an editor has written, as text or as the values of the builder, and what is wrong in it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamseg.audiences.definition_files import DefinitionError
from streamseg.audiences.written.documents import UnreadableError, parse
from streamseg.audiences.written.toml_text import toml_of

EMPTY: Final[Mapping[str, Any]] = {"id": "", "name": "", "purpose": "ads", "rule": {"all": []}}


@dataclass(frozen=True, slots=True)
class WrongPart:
    """What is wrong and where: names and positions that lead to it in the audience, and the line in the text."""

    path: Sequence[str | int]
    line: int | None
    text: str


class UnreadableDraftError(Exception):
    """The text of a draft cannot be read. `wrong` says why."""

    def __init__(self, line: int | None, text: str) -> None:
        super().__init__(text)
        self.wrong = WrongPart((), line, text)


def file_name(text: str) -> str:
    """Return the name that tells the language of a text: JSON comes from the builder, TOML from people."""
    return "audience.json" if text.lstrip().startswith("{") else "audience.toml"


def read_draft(text: str) -> dict[str, Any]:
    """Return the one audience of a document, as JSON values, wrong or right. Raises `UnreadableDraftError`."""
    try:
        values = parse(file_name(text), text).values
    except UnreadableError as error:
        raise UnreadableDraftError(error.line, str(error)) from None
    listed = values.get("audience") if isinstance(values, dict) else None
    if not isinstance(listed, list) or len(listed) != 1 or not isinstance(listed[0], dict):
        count = len(listed) if isinstance(listed, list) else 0
        raise UnreadableDraftError(None, f"has {count} tables [[audience]]: the builder takes one")
    draft: dict[str, Any] = json.loads(json.dumps(listed[0], default=str))
    return draft


def as_text(draft: Mapping[str, Any]) -> str:
    """Return the document as people write it."""
    return toml_of(draft)


def wrong_parts(error: DefinitionError) -> list[WrongPart]:
    """Return what validation has found."""
    found = []
    for one in error.found:
        file, _, line = one.where.rpartition(":")
        path = one.path[2:] if one.path[:1] == ("audience",) else one.path
        in_text = line.isdecimal() and not file.endswith(".json")
        found.append(WrongPart(path, int(line) if in_text else None, one.text))
    return found
