"""The documents name only what exists: files, names in them, sections, commands, settings, metrics and topics."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from streamseg.commands import streamseg as command_line
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import MemoryRecord
from streamseg.events.types import KINDS, Heartbeat, Probe
from streamseg.metrics import METRICS
from streamseg.settings import Settings
from streamseg.topics import TOPICS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "streamseg"
DESIGN = PACKAGE / "DESIGN.md"
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "streamseg/DESIGN.md",
    "deploy/README.md",
    "deploy/backfill.md",
    "deploy/runbooks.md",
    "deploy/cluster.md",
    "deploy/segmentations.md",
    "deploy/serving.md",
    "schemas/README.md",
    "schemas/streamseg.dead-letters/README.md",
    "tests/README.md",
    "tests/bench/README.md",
)
SUFFIXES = r"(?:py|md|toml|lua|json|yml|yaml|js|lock|acl|sh|in|tsv)"
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(rf"\w[\w./-]*\.{SUFFIXES}|\.?\w[\w./-]*/|\.ci/\w+|(?:tests|streamseg|deploy|store)/[\w./-]+")
"""A file or a folder, in the text of a code span."""
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
NOT_HERE = {"streamseg.toml", "map.toml", "schema.json", "examples/", "adjusted/", "rejected/", ".cache/peers"}
"""Files of the reader, names of files that every topic has, and what a command makes when it is needed."""

WEBHOOK_TYPES = {"membership.changed", "membership.removed"}
"""They look like settings."""

FIELD_OF_KIND = {"purchase": "transaction_id", "click": "event_name", "profile": "traits", "consent": "consent"}
"""A field by which an example's kind is recognised; an erasure has none of them."""


def _text(document: str) -> str:
    return (ROOT / document).read_text()


def _exists(path: str, document: str) -> bool:
    places = ((ROOT / document).parent, ROOT, PACKAGE)
    return any((place / path).exists() for place in places)


def _paths_in(text: str) -> Iterator[str]:
    for code in CODE.findall(text):
        for word in code.split():
            if PATH.fullmatch(word) and word not in NOT_HERE:
                yield word
    for target, _ in LINK.findall(text):
        if not target.startswith(("http:", "https:")):
            yield target


def _sections(text: str) -> set[str]:
    return {title.strip() for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def _command(words: list[str]) -> tuple[click.Command | None, list[str]]:
    """Return the command that the words begin with, and the words after it; None for an unknown sub-command."""
    command: click.Command = command_line
    context = click.Context(command_line)
    rest = list(words)
    while isinstance(command, click.Group) and rest and re.fullmatch(r"[a-z][a-z-]*", rest[0]):
        found = command.get_command(context, rest[0])
        if found is None:
            return None, rest
        command, rest = found, rest[1:]
    return command, rest


def _settings(model: object, path: str = "") -> Iterator[str]:
    for name, field in getattr(model, "model_fields", {}).items():
        yield path + name
        yield from _settings(field.annotation, f"{path}{name}.")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_exists(document: str) -> None:
    missing = [path for path in _paths_in(_text(document)) if not _exists(path, document)]

    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_anchor_is_a_section(document: str) -> None:
    for target, anchor in LINK.findall(_text(document)):
        if anchor:
            assert anchor[1:] in map(_anchor, _sections(((ROOT / document).parent / target).read_text()))
    for anchor in re.findall(r"\]\(#([^)]+)\)", _text(document)):
        assert anchor in map(_anchor, _sections(_text(document)))


def test_every_name_that_the_design_cites_is_in_its_file() -> None:
    cited = [
        (path, name)
        for path, names in re.findall(rf"`([\w./-]+\.{SUFFIXES})`: ((?:`\w+`(?:, )?)+)", DESIGN.read_text())
        for name in CODE.findall(names)
    ]
    missing = [(path, name) for path, name in cited if not re.search(rf"\b{name}\b", (PACKAGE / path).read_text())]

    assert len(cited) > 40
    assert missing == []


def test_every_section_that_the_code_cites_is_in_the_design() -> None:
    sections = _sections(DESIGN.read_text())
    cited = {
        (section, path.relative_to(ROOT).as_posix())
        for path in PACKAGE.rglob("*")
        if path.suffix in {".py", ".lua"}
        for citation in re.findall(r"DESIGN\.md,\s+([^.)`]+)", path.read_text())
        for section in [re.sub(r"\s+(--\s+|#\s+)?", " ", citation).strip().strip('"')]
    }

    assert {(section, path) for section, path in cited if section not in sections} == set()


def test_no_docstring_cites_what_is_outside_the_repository() -> None:
    outside = re.compile(r"\(lab\)|mechanism \d|clustering\.md|design\.md")
    citing = [path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*.py") if outside.search(path.read_text())]

    assert citing == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_exists(document: str) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^    |`)make ([a-z0-9-]+)", _text(document), re.MULTILINE))

    assert named - targets == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_and_option_exists(document: str) -> None:
    for line in re.findall(r"(?:^    |`)streamseg ([^`\n]+)", _text(document), re.MULTILINE):
        words = line.partition("  #")[0].split()
        command, rest = _command(words)
        assert command is not None, line
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        given = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert given - options - {"--help"} == set(), line


def test_every_command_whose_json_is_public_exists() -> None:
    table = _text("streamseg/DESIGN.md").partition("| command | names |")[2].partition("\n\n")[0]
    for cell in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE):
        for name in CODE.findall(cell):
            assert _command(name.split())[0] is not None, name


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_setting_exists(document: str) -> None:
    known = set(_settings(Settings))
    tables = "|".join(sorted({name.partition(".")[0] for name in known if "." in name}))
    named = set(re.findall(rf"`((?:{tables})\.[a-z_]+)`", _text(document)))

    assert {name for name in named if not name.endswith((".py", ".md"))} - known - WEBHOOK_TYPES == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_metric_and_topic_exists(document: str) -> None:
    metrics = {spec.name for spec in METRICS}
    topics = {spec.name for spec in TOPICS}

    named = set(re.findall(r"`(streamseg[_.][a-z_-]+)`", _text(document))) - {"streamseg.toml", "streamseg.client"}

    assert named - metrics - topics == set()


@pytest.mark.parametrize("document", ["README.md", "schemas/README.md"])
def test_every_example_event_is_accepted(document: str) -> None:
    text = _text(document)
    starts = [found.start() for found in re.finditer(r'\{"event_id"', text)]
    decoder = Decoder(Money("EUR"))
    for start in starts:
        value, end = json.JSONDecoder().raw_decode(text, start)
        record = MemoryRecord("", 0, 0, 4_102_444_800_000, value["customer_id"].encode(), text[start:end].encode())
        kind = next((kind for kind, field in FIELD_OF_KIND.items() if field in value), "erasure")
        event = decoder.decode(KINDS.index(kind), record)
        assert not isinstance(event, Heartbeat | Probe)
        assert event.event_id == value["event_id"]

    assert starts
