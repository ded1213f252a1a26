"""The users of an ACL file in deploy/redis/, made usable with passwords of the test."""

import hashlib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACEHOLDER = "#SHA-256-OF-THE-PASSWORD"


def users(file: str) -> dict[str, list[str]]:
    """The rules of each user of the file, by name, in order and without `on` and the password."""
    lines = (ROOT / "deploy/redis" / file).read_text().splitlines()
    written = [line.split() for line in lines if line.startswith("user ")]
    assert all(words[2:4] == ["on", PLACEHOLDER] for words in written)
    return {words[1]: words[4:] for words in written}


def usable(file: str, passwords: dict[str, str]) -> str:
    """The text of the file as the comments in it say to make it."""
    lines = []
    for line in (ROOT / "deploy/redis" / file).read_text().splitlines():
        if line.startswith("user "):
            digest = hashlib.sha256(passwords[line.split()[1]].encode()).hexdigest()
            lines.append(line.replace(PLACEHOLDER, f"#{digest}"))
    return "\n".join(lines) + "\n"
