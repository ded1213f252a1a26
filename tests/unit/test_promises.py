"""Issue 13, item 24: every sentence of the README and `deploy/` that promises something names a test that proves it.

`tests/promises.toml` lists the sentences with their tests. A new or changed promise fails here until it has a test.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "deploy").glob("*.md")))
LISTED: dict[str, list[dict[str, object]]] = tomllib.loads((ROOT / "tests/promises.toml").read_text())

PROMISES = re.compile(
    r"\b(?:never|nothing|nobody|no one|always|only|every|all|exactly|within|at once|at least|at most|once|until"
    r"|refuse[sd]?|stops|keeps|stays|without|may be|are accepted|is accepted|by itself|noticed|checked)\b",
    re.IGNORECASE,
)
"""Words of a sentence that can be right or wrong about what streamseg does."""


def plain(text: str) -> str:
    """The text on one line, without the marks of Markdown's emphasis."""
    return re.sub(r"\s+", " ", text.replace("**", "")).strip()


def sentences(document: str) -> Iterator[str]:
    """Sentences and table rows of a document; no code and no headings."""
    block: list[str] = []
    lines = (ROOT / document).read_text().splitlines()
    for line in [*lines, ""]:
        starts = re.match(r"\s*(?:- |\||\d+\. )", line)
        if not line.strip() or line.startswith(("#", "    ")) or starts:
            yield from _split(" ".join(block))
            block = []
        if line.startswith("|"):
            if not set(line) <= set("|- "):
                yield plain(line.strip("| ").replace(" | ", ": "))
        elif line.strip() and not line.startswith(("#", "    ")):
            block.append(line[starts.end() :] if starts else line)


def _split(text: str) -> list[str]:
    found = re.split(r"(?<=[.;:])\s+(?=[A-Z`*])", plain(text))
    return [sentence for sentence in found if sentence]


def promises(document: str) -> list[str]:
    return [sentence for sentence in sentences(document) if PROMISES.search(sentence)]


def exists(test: str) -> bool:
    path, _, name = test.partition("::")
    file = ROOT / path
    return file.is_file() and (
        not name or re.search(rf"^\s*(?:async )?def {name}\(", file.read_text(), re.MULTILINE) is not None
    )


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_promise_is_listed(document: str) -> None:
    listed = [str(entry["says"]) for entry in LISTED.get(document, [])]

    unlisted = [one for one in promises(document) if not any(one.startswith(says) for says in listed)]

    assert unlisted == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_listed_promise_is_made(document: str) -> None:
    made = list(sentences(document))

    gone = [e["says"] for e in LISTED.get(document, []) if not any(one.startswith(str(e["says"])) for one in made)]

    assert gone == []


def test_every_listed_promise_has_a_test_that_exists() -> None:
    missing = [
        (document, entry["says"], test)
        for document, entries in LISTED.items()
        for entry in entries
        for test in (entry["tests"] if isinstance(entry["tests"], list) and entry["tests"] else ["none"])
        if not exists(str(test))
    ]

    assert missing == []
