"""Reads the file of a declared segmentation, and says in one line for each error what is wrong where."""

from pathlib import Path
from typing import Final

from streamseg.audiences.definition_files import Contents, DefinitionError, Wrong, read, same_id_below
from streamseg.audiences.meaning import Problem
from streamseg.audiences.segment_rules import DeclaredSegment, SegmentRules
from streamseg.audiences.written.documents import Document
from streamseg.errors import SettingsError

_CONTENTS: Final = Contents("segment", SegmentRules, DeclaredSegment)


def read_segment_rules(segmentation: str, file: Path) -> SegmentRules:
    """Read a file of TOML, YAML or JSON. Raises `SettingsError` with a line for each error; names are not checked."""
    return _read(segmentation, file)[1]


def raise_problems(segmentation: str, file: Path, problems: list[Problem]) -> None:
    """Raise `DefinitionError` with a line for each problem of a declared segmentation; it has one at least."""
    document, _ = _read(segmentation, file)
    wrong: list[tuple[int, Wrong]] = []
    for one in problems:
        at = document.line(one.path)
        wrong.append((at, Wrong(f"{file}:{at}", "segment", f"{segmentation}-{one.segment}", one.path, one.text)))
    raise DefinitionError([one for _, one in sorted(wrong, key=lambda each: each[0])])


def _read(segmentation: str, file: Path) -> tuple[Document, SegmentRules]:
    try:
        content = file.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(f"setting segmentations.{segmentation}.rules: {file}: {reason}") from None
    document, rules = read(str(file), content, _CONTENTS)
    twice = same_id_below(str(file), document, _CONTENTS, [one.id for one in rules.segment])
    if twice is not None:
        raise DefinitionError([twice])
    return document, rules
