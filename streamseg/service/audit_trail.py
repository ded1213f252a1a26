"""Writes down who changes what, before it is changed: in the console, over HTTP, or on the command line."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamseg.audiences.declared import DeclaredAudiences
from streamseg.audiences.lists.uploaded import UploadedList
from streamseg.ports import AuditEntry, AuditLog

API_ROLE: Final = "api"
COMMAND_ROLE: Final = "command line"
LOOKED_BACK: Final = 2_000
"""Entries of the log, which has other changes too."""
VERBS: Final = {"audience": ("declare", "change", "drop"), "list": ("upload", "replace", "drop")}
"""What can be done to a thing: made, changed, ended."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes a change: the name of the key or the login of the machine, the id of the key if any, and the role."""

    who: str
    key_id: str
    role: str


@dataclass(frozen=True, slots=True)
class Change:
    """What is changed: a word or two, which thing, and the JSON values before and after; None where it is not there."""

    action: str
    subject: str
    before: Any
    after: Any


class Trail:
    """Writes the changes of one author to the audit log. Each is written once, also if making it is tried again."""

    def __init__(self, log: AuditLog, author: Author, clock: Callable[[], float] = time.time) -> None:
        self._log, self._author, self._clock = log, author, clock
        self._written: list[Change] = []

    async def note(self, one: Change) -> None:
        """Write a change that is about to be made. Raises `StoreUnavailableError`: then do not make it."""
        if one not in self._written:
            author = self._author
            await self._log.append(
                AuditEntry(
                    self._clock(),
                    author.who,
                    author.key_id,
                    author.role,
                    one.action,
                    one.subject,
                    one.before,
                    one.after,
                )
            )
            self._written.append(one)


async def audience_changes(log: AuditLog) -> Sequence[AuditEntry]:
    """Return the changes of audiences and lists among the last `LOOKED_BACK` entries, the newest first."""
    kinds = tuple(f"{verb} {kind}" for kind, verbs in VERBS.items() for verb in verbs)
    return [one for one in reversed(await log.latest(LOOKED_BACK)) if one.action in kinds]


def changes_of(before: DeclaredAudiences, after: DeclaredAudiences) -> Iterator[Change]:
    """Yield what differs between two sets: the audiences, then the lists, each by id."""
    old, new = ({one.id: {"version": one.version, **one.definition} for one in each.live} for each in (before, after))
    yield from _differences(old, new, "audience")
    uploads, kept = ({one.id: _facts(one) for one in each.lists} for each in (before, after))
    yield from _differences(uploads, kept, "list")


def _differences(old: dict[str, Any], new: dict[str, Any], kind: str) -> Iterator[Change]:
    verbs = VERBS[kind]
    for name in sorted({*old, *new}):
        was, becomes = old.get(name), new.get(name)
        if was != becomes:
            verb = verbs[0] if was is None else verbs[2] if becomes is None else verbs[1]
            yield Change(f"{verb} {kind}", name, was, becomes)


def _facts(one: UploadedList) -> dict[str, Any]:
    """Return what may be said of a list: numbers, and nobody who is on it."""
    names = ("version", "kinds", "lines", "valid", "duplicates", "entries", "ends")
    return {name: getattr(one, name) for name in names}
