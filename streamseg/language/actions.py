"""The table of suggested actions: shipped as `actions.toml`, and replaced by a file of the shop's."""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from streamseg.errors import SettingsError
from streamseg.language import DEFAULT, messages


@dataclass(frozen=True, slots=True)
class Action:
    """What to do for segments of which all `words` can be said."""

    name: str
    words: tuple[str, ...]
    texts: Mapping[str, str]
    """By language; there is one for `DEFAULT`."""

    def text(self, language: str) -> str:
        """Return the text in a language, or in `DEFAULT`."""
        return self.texts.get(language, self.texts[DEFAULT])


@cache
def read_actions(path: Path | None = None) -> tuple[Action, ...]:
    """Return the actions of a file, in its order; None reads the shipped ones.

    Raises `SettingsError` if the file cannot be read, or an entry lacks what it needs.
    """
    if path is None:
        return _parsed((files("streamseg.language") / "actions.toml").read_text("utf-8"), "actions.toml")
    try:
        return _parsed(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None


def suggested(traits: Collection[str], actions: Sequence[Action]) -> Action | None:
    """Return the first action whose words all hold; None if there is none."""
    return next((action for action in actions if set(action.words) <= set(traits)), None)


def _parsed(text: str, path: str) -> tuple[Action, ...]:
    tables = messages(DEFAULT)
    words = {*tables["label"], *tables["tag"]}
    try:
        listed = tomllib.loads(text).get("action", [])
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: is no TOML: {error}") from None
    found = []
    for place, one in enumerate(listed, 1):
        where = f"{path}: action {one.get('name', place)}"
        if not isinstance(one.get("name"), str) or not isinstance(one.get(DEFAULT), str):
            raise SettingsError(f"{where}: needs a name and a text `{DEFAULT}`")
        asked = one.get("if", [])
        if not asked or not isinstance(asked, list) or not all(isinstance(word, str) for word in asked):
            raise SettingsError(f"{where}: `if` must list one word or more")
        if unknown := sorted(set(asked) - words):
            raise SettingsError(f"{where}: there is no word {unknown[0]}; they are the keys of [label] and [tag]")
        texts = {key: value for key, value in one.items() if key not in ("name", "if") and isinstance(value, str)}
        found.append(Action(one["name"], tuple(asked), texts))
    return tuple(found)
