"""The audiences and lists that are declared at a time: one immutable set after the other, each with a generation.

A set keeps every audience that there ever was: a dropped id never comes back, and a row that was last looked at long
ago still tells which audience a column stood for then.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from streamseg.audiences.lists.uploaded import UploadedList, check_room
from streamseg.errors import NotFoundError, SettingsError


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """One audience: its definition as written, and where rows keep it."""

    id: str
    version: int
    """Rises with each change of the definition."""
    column: int
    """Of the rows."""
    first: int
    """Generation from which it has the column."""
    end: int | None = None
    """Generation from which it has not, as it was dropped; None while it lives."""
    definition: Mapping[str, Any]

    def has_column_at(self, generation: int) -> bool:
        """Return whether the column stood for it in that generation."""
        return self.first <= generation and (self.end is None or generation < self.end)


class DeclaredAudiences(msgspec.Struct, frozen=True):
    """A set of audiences. `generation` is 0 before the first one."""

    generation: int = 0
    audiences: tuple[Declared, ...] = ()
    lists: tuple[UploadedList, ...] = ()
    """The uploaded lists that rules can ask for, sorted by id."""

    @classmethod
    def decode(cls, encoded: bytes | None) -> "DeclaredAudiences":
        """Read what `encode` wrote; None is the empty set. Raises `ValueError`."""
        return cls() if encoded is None else msgspec.json.decode(encoded, type=cls)

    def encode(self) -> bytes:
        """Return the set as JSON."""
        return msgspec.json.encode(self)

    @property
    def live(self) -> tuple[Declared, ...]:
        """Those that are not dropped, sorted by id."""
        return tuple(sorted((one for one in self.audiences if one.end is None), key=lambda one: one.id))

    def find(self, audience: str) -> Declared | None:
        """Return the live audience with this id."""
        return next((one for one in self.live if one.id == audience), None)

    def owners(self, generation: int) -> dict[int, str]:
        """Return which audience each column stood for in a generation; columns of none are left out."""
        return {one.column: one.id for one in self.audiences if one.has_column_at(generation)}

    def with_(self, audience: str, definition: Mapping[str, Any], columns: int, at: int = 0) -> "DeclaredAudiences":
        """Return the set with an audience added or its definition changed; itself if nothing changes.

        Its generation is the wall time `at`, epoch seconds, or later: should a store that fails over lose the latest
        set, the next one does not take its number, which rows may know.

        Raises `SettingsError` for another purpose, which asks for another consent of its members; for an id that was
        dropped; and if all `columns` of the rows are taken.
        """
        kept = self.find(audience)
        generation = max(self.generation + 1, at)
        if kept is not None:
            if kept.definition == definition:
                return self
            if kept.definition.get("purpose") != definition.get("purpose"):
                raise SettingsError(
                    f"audience {audience} is for {kept.definition['purpose']}, which does not change: declare another"
                )
            changed = msgspec.structs.replace(kept, version=kept.version + 1, definition=definition)
            others = tuple(one for one in self.audiences if one is not kept)
            return DeclaredAudiences(generation, (*others, changed), self.lists)
        if any(one.id == audience for one in self.audiences):
            raise SettingsError(f"audience {audience} was dropped, and its id does not come back: choose another id")
        taken = {one.column for one in self.live}
        free = [column for column in range(columns) if column not in taken]
        if not free:
            raise SettingsError(
                f"setting audiences.most: there are {columns} audiences, the most that rows have room for"
            )
        # The column that has been free for the longest time, so that few rows still know it as another one.
        last = {one.column: one.end or 0 for one in self.audiences}
        column = min(free, key=lambda one: (last.get(one, 0), one))
        added = Declared(id=audience, version=1, column=column, first=generation, definition=definition)
        return DeclaredAudiences(generation, (*self.audiences, added), self.lists)

    def without(self, audience: str, at: int = 0) -> "DeclaredAudiences":
        """Return the set without an audience; `at` is as for `with_`.

        Raises `NotFoundError` if there is no such live audience.
        """
        kept = self.find(audience)
        if kept is None:
            there = ", ".join(one.id for one in self.live) or "none"
            raise NotFoundError(f"there is no audience {audience}; there are {there}")
        generation = max(self.generation + 1, at)
        dropped = msgspec.structs.replace(kept, end=generation)
        audiences = tuple(dropped if one is kept else one for one in self.audiences)
        return DeclaredAudiences(generation, audiences, self.lists)

    def find_list(self, name: str) -> UploadedList | None:
        """Return the uploaded list with this id."""
        return next((one for one in self.lists if one.id == name), None)

    def with_list(self, uploaded: UploadedList, at: int = 0) -> "DeclaredAudiences":
        """Return the set with a list, in place of the one with its id; `at` is as for `with_`.

        Its version is the next one. Raises `SettingsError` where there is no room for it.
        """
        before = self.find_list(uploaded.id)
        version = 1 if before is None else before.version + 1
        lists = [one for one in self.lists if one is not before]
        lists.append(msgspec.structs.replace(uploaded, version=version))
        sorted_ = tuple(sorted(lists, key=lambda one: one.id))
        check_room(sorted_)
        return DeclaredAudiences(max(self.generation + 1, at), self.audiences, sorted_)

    def without_list(self, name: str, at: int = 0) -> "DeclaredAudiences":
        """Return the set without a list; `at` is as for `with_`.

        Raises `NotFoundError` if there is no such list, and `SettingsError` if an audience asks for it.
        """
        if self.find_list(name) is None:
            there = ", ".join(one.id for one in self.lists) or "none"
            raise NotFoundError(f"there is no list {name}; there are {there}")
        users = self.users_of(name)
        if users:
            raise SettingsError(f"list {name} is asked for by {', '.join(users)}: change or drop these audiences first")
        kept = tuple(one for one in self.lists if one.id != name)
        return DeclaredAudiences(max(self.generation + 1, at), self.audiences, kept)

    def users_of(self, name: str) -> list[str]:
        """Return the live audiences whose rule asks for a list."""
        return [one.id for one in self.live if _asks_for(one.definition["rule"], name)]


def _asks_for(rule: Any, name: str) -> bool:
    """Return whether a rule as it was written asks for a list."""
    match rule:
        case {"list": asked}:
            return bool(asked == name)
        case {"not": part}:
            return _asks_for(part, name)
        case {"all": parts} | {"any": parts}:
            return any(_asks_for(part, name) for part in parts)
        case _:
            return False
