"""The table of suggested actions: shipped as `actions.toml`, and replaced by a file of the shop's."""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from streamseg.clustering.description.naming import OF_ATTRIBUTES
from streamseg.errors import SettingsError
from streamseg.language import DEFAULT, messages

_OF_ATTRIBUTES: Final = tuple(f"{word}_" for word in OF_ATTRIBUTES)
"""How words about an attribute begin; its name follows, of whatever attributes the shop has."""
SHIPPED: Final = ("fitgear_actions.toml", "actions.toml")


@dataclass(frozen=True, slots=True)
class Action:
    """What to do for segments that all `words` can be said of and that go for one of the `goods`, if there are any."""

    name: str
    words: tuple[str, ...]
    goods: tuple[str, ...]
    texts: Mapping[str, str]
    """By language; there is one for `DEFAULT`."""

    def text(self, language: str) -> str:
        """Return the text in a language, or in `DEFAULT`."""
        return self.texts.get(language, self.texts[DEFAULT])


@cache
def read_actions(path: Path | None = None) -> tuple[Action, ...]:
    """Return the actions of a file, in its order; None reads the shipped ones.

    The shipped ones are those of any shop, after those of FitGear, which go by its categories.

    Raises `SettingsError` if the file cannot be read, or an entry lacks what it needs.
    """
    if path is None:
        folder = files("streamseg.language")
        return tuple(one for name in SHIPPED for one in _parsed((folder / name).read_text("utf-8"), name))
    try:
        return _parsed(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None


def suggested(traits: Collection[str], actions: Sequence[Action], goods: Collection[str] = ()) -> Action | None:
    """Return the first action whose words all hold and which is for these goods; None if there is none."""
    asked = {one.lower() for one in goods}
    return next(
        (one for one in actions if set(one.words) <= set(traits) and (not one.goods or asked & set(one.goods))), None
    )


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
        asked, goods = one.get("if", []), one.get("goods", [])
        if not asked or not isinstance(asked, list) or not all(isinstance(word, str) for word in asked):
            raise SettingsError(f"{where}: `if` must list one word or more")
        if not isinstance(goods, list) or not all(isinstance(name, str) for name in goods):
            raise SettingsError(f"{where}: `goods` must list names of categories")
        if unknown := sorted(word for word in {*asked} - words if not word.startswith(_OF_ATTRIBUTES)):
            raise SettingsError(f"{where}: there is no word {unknown[0]}; they are the keys of [label] and [tag]")
        texts = {key: value for key, value in one.items() if key not in ("name", "if") and isinstance(value, str)}
        found.append(Action(one["name"], tuple(asked), tuple(name.lower() for name in goods), texts))
    return tuple(found)
