"""Reads audiences from a file, and says in one line for each error what is wrong where."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from streamseg.audiences.definition import Audience, Definitions
from streamseg.audiences.definition_files import Contents, DefinitionError, Wrong, read, same_id_below
from streamseg.audiences.meaning import Meaning, meanings
from streamseg.audiences.segment_rules import SegmentRules
from streamseg.audiences.vocabulary import Vocabulary
from streamseg.audiences.written.positions import Path

_CONTENTS: Final = Contents("audience", Definitions, Audience)


@dataclass(frozen=True, slots=True)
class ReadAudiences:
    """The audiences of a file, in its order, and what they and the existing ones mean."""

    audiences: tuple[Audience, ...]
    meanings: dict[str, Meaning]


def read_audiences(
    name: str,
    content: bytes | str,
    vocabulary: Vocabulary,
    existing: Iterable[Audience] = (),
    segmentations: Mapping[str, SegmentRules] | None = None,
) -> ReadAudiences:
    """Read a file of TOML, YAML or JSON.

    Args:
        name: name of the file; its ending tells the language.
        content: what is in it.
        vocabulary: what rules can speak of.
        existing: audiences that rules may name besides those of the file, which take the place of their namesakes.
        segmentations: the declared ones, which may ask of audiences.

    Raises:
        DefinitionError: something is wrong, in the file or by what it would change.
    """
    document, definitions = read(name, content, _CONTENTS)
    found = definitions.audience
    places = {one.id: index for index, one in enumerate(found)}
    if (twice := same_id_below(name, document, _CONTENTS, [one.id for one in found])) is not None:
        raise DefinitionError([twice])
    others = [one for one in existing if one.id not in places]
    understood = meanings([*others, *found], vocabulary, segmentations)
    if understood.problems:
        wrong: list[tuple[int, Wrong]] = []
        for problem in understood.problems:
            if problem.audience in places:
                path: Path = ("audience", places[problem.audience], *problem.path)
                at = document.line(path)
                wrong.append((at, Wrong(f"{name}:{at}", "audience", problem.audience, path, problem.text)))
            else:
                kind, _, which = problem.subject.partition(" ")
                wrong.append((0, Wrong(name, kind, which, (), f"{problem.text}; this one exists already")))
        raise DefinitionError([one for _, one in sorted(wrong, key=lambda each: each[0])])
    return ReadAudiences(found, understood.audiences)
